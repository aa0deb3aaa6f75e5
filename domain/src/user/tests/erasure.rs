//! Erasing a person, step by step.

use serde_json::json;

use super::{asked, registered, registration, verified};
use crate::{
    Aggregate, Claim, ClaimScope, Kind, Personal, Rejection,
    testing::{at, email, given, id},
    user::{Command, Erasure, Error, Event, User},
};

pub(super) fn request() -> Erasure {
    Erasure::Request { at: at(100) }
}

pub(super) fn destroy() -> Erasure {
    Erasure::Destroy { at: at(101) }
}

pub(super) fn certify() -> Erasure {
    Erasure::Certify { certificate: json!({ "signature": "s" }) }
}

fn requested() -> Event {
    Event::ErasureRequested { email: email("Ada@example.com").into(), at: at(100) }
}

fn erased() -> Event {
    Event::Erased { at: at(101) }
}

fn certified() -> Event {
    Event::ErasureCertified { certificate: json!({ "signature": "s" }) }
}

fn decide(events: &[Event], step: Erasure) -> Result<Vec<Event>, Error> {
    given::<User>(events).decide(Command::Erasure(step))
}

#[test]
fn a_person_may_ask_to_be_erased() {
    assert_eq!(decide(&[registered(), verified()], request()), Ok(vec![requested()]));
}

#[test]
fn a_deactivated_person_may_be_erased_as_well() {
    assert_eq!(decide(&[registered(), Event::Deactivated {}], request()), Ok(vec![requested()]));
}

#[test]
fn asking_again_changes_nothing() {
    for events in [
        vec![registered(), requested()],
        vec![registered(), requested(), erased()],
        vec![registered(), requested(), erased(), certified()],
    ] {
        assert_eq!(decide(&events, request()), Ok(vec![]));
    }
}

#[test]
fn a_key_is_only_destroyed_when_somebody_asked() {
    assert_eq!(decide(&[registered()], destroy()), Err(Error::NotLeaving));
    assert_eq!(decide(&[registered(), requested()], destroy()), Ok(vec![erased()]));
    assert_eq!(decide(&[registered(), requested(), erased()], destroy()), Ok(vec![]));
}

#[test]
fn an_erasure_is_certified_once_and_after_the_key_is_gone() {
    assert_eq!(decide(&[registered(), requested()], certify()), Err(Error::NotLeaving));
    let gone = [registered(), requested(), erased()];
    assert_eq!(decide(&gone, certify()), Ok(vec![certified()]));
    let over = [registered(), requested(), erased(), certified()];
    assert_eq!(decide(&over, certify()), Ok(vec![]));
}

#[test]
fn nobody_cannot_be_erased() {
    for step in [request(), destroy(), certify()] {
        assert_eq!(decide(&[], step), Err(Error::NotFound));
    }
}

#[test]
fn who_left_never_comes_back() {
    for events in [vec![registered(), requested()], vec![registered(), requested(), erased()]] {
        let gone = given::<User>(&events);

        let again = gone.decide(Command::Register(registration(None)));
        let active = gone.decide(Command::Activate);

        assert_eq!((again, active), (Err(Error::AlreadyRegistered), Err(Error::NotFound)));
        assert_eq!(gone.account(), None);
    }
}

#[test]
fn a_link_that_was_mailed_before_is_worth_nothing() {
    let gone = given::<User>(&[registered(), asked(1), requested()]);

    let outcome = gone.decide(super::verify(1, at(1)));

    assert_eq!(outcome, Err(Error::NotFound));
}

#[test]
fn a_request_frees_the_address_and_takes_the_right_to_act() {
    let key = id(7).as_bytes().to_vec();

    let claims = User::claims(id(7), &requested());

    let expected = [
        Claim::Release(ClaimScope::Email, b"ada@example.com".to_vec()),
        Claim::Release(ClaimScope::ActiveUser, key.clone()),
        Claim::Take(ClaimScope::Erasure, key),
    ];
    assert_eq!(claims, expected);
}

#[test]
fn an_address_that_nobody_can_read_is_not_freed_by_its_name() {
    let unread = Event::ErasureRequested { email: Personal::Erased, at: at(100) };

    assert_eq!(User::claims(id(7), &unread).len(), 2);
}

#[test]
fn the_erasure_is_pending_until_it_is_certified() {
    let key = id(7).as_bytes().to_vec();

    assert_eq!(User::claims(id(7), &erased()), []);
    assert_eq!(User::claims(id(7), &certified()), [Claim::Release(ClaimScope::Erasure, key)]);
}

#[test]
fn a_step_out_of_order_is_a_conflict() {
    let rejection = Rejection::from(Error::NotLeaving);

    assert_eq!((rejection.kind, rejection.code), (Kind::Conflict, "not_leaving"));
}
