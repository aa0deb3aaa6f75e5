//! Given events, when a command comes, then.

use proptest::prelude::*;

use super::{ApiKey, Command, Creation, Error, Event};
use crate::{
    Aggregate, Claim, ClaimScope, Kind, Rejection,
    testing::{assert_replays, at, given, id, text},
};

const OWNER: u128 = 1;
const STRANGER: u128 = 2;

fn creation(expires: i64) -> Creation {
    Creation {
        owner: id(OWNER),
        name: text("Backup"),
        prefix: "ak_3f9c".to_owned(),
        scopes: vec!["chat".to_owned()],
        at: at(0),
        expires_at: at(expires),
    }
}

fn created() -> Event {
    Event::Created {
        owner: id(OWNER),
        name: text("Backup").into(),
        prefix: "ak_3f9c".to_owned(),
        scopes: vec!["chat".to_owned()],
        at: at(0),
        expires_at: at(60),
    }
}

fn revoked() -> Event {
    Event::Revoked { prefix: "ak_3f9c".to_owned() }
}

fn revoke(owner: u128) -> Command {
    Command::Revoke { owner: id(owner) }
}

#[test]
fn a_key_can_be_created() {
    let nothing = given::<ApiKey>(&[]);

    let outcome = nothing.decide(Command::Create(creation(60)));

    assert_eq!(outcome, Ok(vec![created()]));
}

#[test]
fn a_key_must_expire_in_the_future() {
    let nothing = given::<ApiKey>(&[]);

    let outcome = nothing.decide(Command::Create(creation(0)));

    assert_eq!(outcome, Err(Error::Expired));
}

#[test]
fn a_key_cannot_be_created_twice() {
    let key = given::<ApiKey>(&[created()]);

    let outcome = key.decide(Command::Create(creation(60)));

    assert_eq!(outcome, Err(Error::AlreadyCreated));
}

#[test]
fn a_revoked_key_cannot_be_created_again() {
    let key = given::<ApiKey>(&[created(), revoked()]);

    let outcome = key.decide(Command::Create(creation(60)));

    assert_eq!(outcome, Err(Error::AlreadyCreated));
}

#[test]
fn its_owner_can_revoke_a_key() {
    let key = given::<ApiKey>(&[created()]);

    let outcome = key.decide(revoke(OWNER));

    assert_eq!(outcome, Ok(vec![revoked()]));
}

#[test]
fn revoking_twice_changes_nothing() {
    let key = given::<ApiKey>(&[created(), revoked()]);

    let outcome = key.decide(revoke(OWNER));

    assert_eq!(outcome, Ok(vec![]));
}

#[test]
fn somebody_elses_key_is_not_found() {
    let key = given::<ApiKey>(&[created()]);

    let outcome = key.decide(revoke(STRANGER));

    assert_eq!(outcome, Err(Error::NotFound));
}

#[test]
fn somebody_elses_revoked_key_is_not_found() {
    let key = given::<ApiKey>(&[created(), revoked()]);

    let outcome = key.decide(revoke(STRANGER));

    assert_eq!(outcome, Err(Error::NotFound));
}

#[test]
fn a_key_that_never_was_is_not_found() {
    let nothing = given::<ApiKey>(&[]);

    let outcome = nothing.decide(revoke(OWNER));

    assert_eq!(outcome, Err(Error::NotFound));
}

#[test]
fn a_revoked_key_remembers_whose_it_was() {
    let key = given::<ApiKey>(&[created(), revoked()]);

    assert_eq!(key, ApiKey::Revoked { owner: id(OWNER) });
}

#[test]
fn a_key_is_good_from_its_creation() {
    let claims = ApiKey::claims(id(7), &created());

    assert_eq!(claims, [Claim::Take(ClaimScope::ApiKey, b"ak_3f9c".to_vec())]);
}

#[test]
fn a_key_is_good_until_its_revocation() {
    let claims = ApiKey::claims(id(7), &revoked());

    assert_eq!(claims, [Claim::Release(ClaimScope::ApiKey, b"ak_3f9c".to_vec())]);
}

#[test]
fn an_expiry_in_the_past_is_an_invalid_input() {
    let rejection = Rejection::from(Error::Expired);

    assert_eq!((rejection.kind, rejection.code), (Kind::Invalid, "invalid_expiry"));
}

fn any_command() -> impl Strategy<Value = Command> {
    prop_oneof![
        (-10..90_i64).prop_map(|expires| Command::Create(creation(expires))),
        (OWNER..=STRANGER).prop_map(revoke),
    ]
}

proptest! {
    #[test]
    fn any_history_replays_to_the_same_key(
        commands in prop::collection::vec(any_command(), 0..8),
    ) {
        assert_replays::<ApiKey>(commands);
    }
}
