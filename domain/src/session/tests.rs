//! Given events, when a command comes, then.

use proptest::prelude::*;

use super::{Command, EndReason, Error, Event, GRACE, Live, Session, Start};
use crate::{
    Aggregate, Claim, ClaimScope, Kind, Rejection,
    testing::{assert_replays, at, given, id},
};

const EXPIRY: i64 = 3600;
const IDLE: u32 = 1800;

fn start() -> Start {
    Start {
        user: id(1),
        user_agent: Some("curl/8.0".to_owned()),
        address: Some("192.0.2.1".to_owned()),
        at: at(0),
        expires_at: at(EXPIRY),
        idle_seconds: IDLE,
        is_new_device: false,
    }
}

fn started() -> Event {
    Event::Started {
        user: id(1),
        user_agent: Some("curl/8.0".to_owned().into()),
        address: Some("192.0.2.1".to_owned().into()),
        at: at(0),
        expires_at: at(EXPIRY),
        idle_seconds: Some(IDLE),
        is_new_device: false,
    }
}

fn refreshed(generation: u32, seconds: i64) -> Event {
    Event::Refreshed { generation, at: at(seconds) }
}

fn ended(reason: EndReason) -> Event {
    Event::Ended { reason }
}

fn refresh(generation: u32, seconds: i64) -> Command {
    Command::Refresh { generation, at: at(seconds) }
}

#[test]
fn signing_in_starts_a_session() {
    let nothing = given::<Session>(&[]);

    let outcome = nothing.decide(Command::Start(start()));

    assert_eq!(outcome, Ok(vec![started()]));
}

#[test]
fn a_session_cannot_be_started_twice() {
    let session = given::<Session>(&[started()]);

    let outcome = session.decide(Command::Start(start()));

    assert_eq!(outcome, Err(Error::AlreadyStarted));
}

#[test]
fn the_first_refresh_token_is_of_generation_one() {
    let session = given::<Session>(&[started()]);

    let outcome = session.decide(refresh(1, 100));

    assert_eq!(outcome, Ok(vec![refreshed(2, 100)]));
}

#[test]
fn refreshing_replaces_the_generation_and_its_moment() {
    let session = given::<Session>(&[started(), refreshed(2, 100)]);

    let expected = Live {
        user: id(1),
        generation: 2,
        started_at: at(0),
        refreshed_at: at(100),
        expires_at: at(EXPIRY),
        idle_seconds: Some(IDLE),
    };

    assert_eq!(session, Session::Live(expected));
}

#[test]
fn a_token_that_was_just_replaced_changes_nothing() {
    let session = given::<Session>(&[started(), refreshed(2, 100)]);

    let outcome = session.decide(refresh(1, 100 + GRACE.num_seconds()));

    assert_eq!(outcome, Ok(vec![]));
}

#[test]
fn a_replaced_token_that_comes_back_late_ends_the_session() {
    let session = given::<Session>(&[started(), refreshed(2, 100)]);

    let outcome = session.decide(refresh(1, 101 + GRACE.num_seconds()));

    assert_eq!(outcome, Ok(vec![ended(EndReason::TokenReused)]));
}

#[test]
fn a_token_from_two_generations_back_ends_the_session_at_once() {
    let session = given::<Session>(&[started(), refreshed(2, 100), refreshed(3, 101)]);

    let outcome = session.decide(refresh(1, 101));

    assert_eq!(outcome, Ok(vec![ended(EndReason::TokenReused)]));
}

#[test]
fn a_token_of_a_generation_not_given_out_yet_ends_the_session() {
    let session = given::<Session>(&[started()]);

    let outcome = session.decide(refresh(u32::MAX, 1));

    assert_eq!(outcome, Ok(vec![ended(EndReason::TokenReused)]));
}

#[test]
fn a_session_is_over_at_its_expiry_however_active_it_was() {
    let session = given::<Session>(&[started(), refreshed(2, EXPIRY - 1)]);

    let outcome = session.decide(refresh(2, EXPIRY));

    assert_eq!(outcome, Err(Error::Over));
}

#[test]
fn a_session_that_idles_too_long_is_over() {
    let session = given::<Session>(&[started(), refreshed(2, 100)]);

    let in_time = session.decide(refresh(2, 99 + i64::from(IDLE)));
    let late = session.decide(refresh(2, 100 + i64::from(IDLE)));

    assert_eq!(in_time, Ok(vec![refreshed(3, 99 + i64::from(IDLE))]));
    assert_eq!(late, Err(Error::Over));
}

#[test]
fn a_session_that_began_before_there_was_an_idle_limit_has_none() {
    let mut before = started();
    if let Event::Started { idle_seconds, .. } = &mut before {
        *idle_seconds = None;
    }
    let session = given::<Session>(&[before]);

    let outcome = session.decide(refresh(1, EXPIRY - 1));

    assert_eq!(outcome, Ok(vec![refreshed(2, EXPIRY - 1)]));
}

#[test]
fn a_session_is_ended_from_elsewhere_by_whose_it_is() {
    let session = given::<Session>(&[started()]);

    let outcome = session.decide(Command::Revoke { user: id(1) });

    assert_eq!(outcome, Ok(vec![ended(EndReason::Revoked)]));
}

#[test]
fn another_person_s_session_is_as_good_as_none() {
    let live = given::<Session>(&[started()]);
    let over = given::<Session>(&[started(), ended(EndReason::LoggedOut)]);
    let nothing = given::<Session>(&[]);

    for session in [live, over, nothing] {
        assert_eq!(session.decide(Command::Revoke { user: id(2) }), Err(Error::NotFound));
    }
}

#[test]
fn ending_a_session_that_has_ended_changes_nothing() {
    let session = given::<Session>(&[started(), ended(EndReason::LoggedOut)]);

    let outcome = session.decide(Command::Revoke { user: id(1) });

    assert_eq!(outcome, Ok(vec![]));
}

#[test]
fn signing_out_ends_the_session() {
    let session = given::<Session>(&[started()]);

    let outcome = session.decide(Command::End(EndReason::LoggedOut));

    assert_eq!(outcome, Ok(vec![ended(EndReason::LoggedOut)]));
}

#[test]
fn signing_out_twice_changes_nothing() {
    let session = given::<Session>(&[started(), ended(EndReason::LoggedOut)]);

    let outcome = session.decide(Command::End(EndReason::Revoked));

    assert_eq!(outcome, Ok(vec![]));
}

#[test]
fn an_ended_session_cannot_be_refreshed() {
    let session = given::<Session>(&[started(), ended(EndReason::Revoked)]);

    let outcome = session.decide(refresh(1, 1));

    assert_eq!(outcome, Err(Error::Over));
}

#[test]
fn a_session_that_never_was_cannot_be_ended() {
    let nothing = given::<Session>(&[]);

    let outcome = nothing.decide(Command::End(EndReason::LoggedOut));

    assert_eq!(outcome, Err(Error::Over));
}

#[test]
fn an_ended_session_remembers_whose_it_was_and_why_it_ended() {
    let session = given::<Session>(&[started(), ended(EndReason::TokenReused)]);

    assert_eq!(session, Session::Ended { user: id(1), reason: EndReason::TokenReused });
}

#[test]
fn a_session_is_live_from_its_start() {
    let key = id(7).as_bytes().to_vec();

    let claims = Session::claims(id(7), &started());

    assert_eq!(claims, [Claim::Take(ClaimScope::LiveSession, key)]);
}

#[test]
fn a_session_is_live_until_its_end() {
    let key = id(7).as_bytes().to_vec();

    let claims = Session::claims(id(7), &ended(EndReason::LoggedOut));

    assert_eq!(claims, [Claim::Release(ClaimScope::LiveSession, key)]);
}

#[test]
fn a_session_that_is_over_asks_to_sign_in_again() {
    let rejection = Rejection::from(Error::Over);

    assert_eq!((rejection.kind, rejection.code), (Kind::Unauthenticated, "session_ended"));
}

fn any_command() -> impl Strategy<Value = Command> {
    prop_oneof![
        Just(Command::Start(start())),
        (prop_oneof![1..6_u32, Just(u32::MAX)], 0..2 * EXPIRY)
            .prop_map(|(generation, seconds)| refresh(generation, seconds)),
        Just(Command::End(EndReason::LoggedOut)),
        Just(Command::End(EndReason::Revoked)),
        (1..3_u128).prop_map(|user| Command::Revoke { user: id(user) }),
    ]
}

proptest! {
    #[test]
    fn any_history_replays_to_the_same_session(
        commands in prop::collection::vec(any_command(), 0..20),
    ) {
        assert_replays::<Session>(commands);
    }
}
