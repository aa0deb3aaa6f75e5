//! What a person's factors allow, refuse and remember.

mod guessing;
mod passkey;
mod sign_in;
mod undo;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::*;
use crate::{
    Text,
    testing::{at, given, id},
};

const USER: Uuid = Uuid::from_u128(1);
const FACTOR: Uuid = Uuid::from_u128(2);
const SET: Uuid = Uuid::from_u128(3);
const CHALLENGE: Uuid = Uuid::from_u128(4);
const SESSION: Uuid = Uuid::from_u128(5);
const CODE: Uuid = Uuid::from_u128(6);

fn prepared(method: Method) -> Event {
    Event::Prepared { method, factor: FACTOR, phone: None, at: at(0) }
}

fn added(method: Method, step: Option<u64>) -> Event {
    Event::Added { user: USER, method, factor: FACTOR, step, phone: None, at: at(0) }
}

fn backup_codes() -> Event {
    Event::BackupCodesMade { set: SET, count: BACKUP_CODES, at: at(0) }
}

fn challenged() -> Event {
    let expires_at = at(0) + CHALLENGE_LIFETIME;
    Event::ChallengeOpened { challenge: CHALLENGE, way: Way::SignIn, at: at(0), expires_at }
}

fn sent(challenge: Option<Uuid>, seconds: i64) -> Event {
    let at = at(seconds);
    let method = Method::Email;
    Event::CodeSent { code: CODE, method, challenge, at, expires_at: at + CODE_LIFETIME }
}

fn refused(seconds: i64) -> Event {
    Event::CodeRefused { methods: vec![Method::Totp], is_repeated: false, at: at(seconds) }
}

fn totp(step: Option<u64>) -> Shown {
    Shown::Totp { factor: FACTOR, step }
}

fn signing_in() -> Purpose {
    Purpose::SignIn { challenge: CHALLENGE, session: SESSION, device: None }
}

fn present(shown: Shown, purpose: Purpose, at: DateTime<Utc>) -> Command {
    Command::Present(Present { user: USER, shown: vec![shown], purpose, at })
}

#[test]
fn a_factor_counts_once_it_was_shown_and_brings_backup_codes() {
    let factors = given::<Factors>(&[prepared(Method::Totp)]);
    assert!(!factors.is_enabled());

    let outcome = factors.decide(present(totp(Some(7)), Purpose::Enrol { set: SET }, at(1)));

    let added = Event::Added {
        user: USER,
        method: Method::Totp,
        factor: FACTOR,
        step: Some(7),
        phone: None,
        at: at(1),
    };
    let made = Event::BackupCodesMade { set: SET, count: BACKUP_CODES, at: at(1) };
    assert_eq!(outcome, Ok(vec![added.clone(), made]));
    assert_eq!(
        given::<Factors>(&[added, backup_codes()]).methods(),
        [Method::Totp, Method::BackupCode]
    );
}

#[test]
fn a_second_factor_leaves_the_backup_codes_as_they_are() {
    let history =
        [added(Method::Totp, None), backup_codes(), prepared(Method::Email), sent(None, 0)];
    let factors = given::<Factors>(&history);

    let code = Shown::Sent { code: CODE, is_right: true };
    let outcome = factors.decide(present(code, Purpose::Enrol { set: id(9) }, at(1)));

    assert_eq!(outcome.map(|events| events.len()), Ok(1));
}

#[test]
fn the_code_that_turned_a_factor_on_opens_nothing_else() {
    let factors = given::<Factors>(&[added(Method::Totp, Some(7)), challenged()]);

    let outcome = factors.decide(present(totp(Some(7)), signing_in(), at(1)));

    let refused = Event::CodeRefused { methods: vec![Method::Totp], is_repeated: true, at: at(1) };
    assert_eq!(outcome, Ok(vec![refused]));
}

#[test]
fn nothing_is_verified_that_was_not_set_up() {
    let factors = given::<Factors>(&[]);

    let none =
        Present { user: USER, shown: vec![], purpose: Purpose::Enrol { set: SET }, at: at(1) };
    let outcome = factors.decide(Command::Present(none));

    assert_eq!(outcome, Err(Error::NotPrepared));
}

#[test]
fn a_code_of_a_factor_that_was_replaced_is_wrong() {
    let factors = given::<Factors>(&[added(Method::Totp, None)]);

    let old = Shown::Totp { factor: id(9), step: Some(7) };
    let outcome = factors.decide(present(old, Purpose::StepUp, at(1)));

    assert_eq!(outcome, Ok(vec![refused(1)]));
}

#[test]
fn another_factor_makes_all_devices_ask_again() {
    let remembered = Event::DeviceRemembered {
        device: id(8),
        name: None,
        at: at(0),
        expires_at: at(0) + DEVICE_LIFETIME,
    };
    let factors = given::<Factors>(&[added(Method::Totp, None), remembered.clone()]);
    assert!(factors.remembers(id(8), at(60)));
    assert!(!factors.remembers(id(8), at(0) + DEVICE_LIFETIME));

    let changed =
        given::<Factors>(&[added(Method::Totp, None), remembered, added(Method::Email, None)]);

    assert!(!changed.remembers(id(8), at(60)));
}

#[test]
fn codes_are_sent_with_a_pause_and_not_too_often() {
    let factors = given::<Factors>(&[added(Method::Email, None), sent(None, 0)]);
    let send = |seconds| Command::Send {
        method: Method::Email,
        code: id(9),
        challenge: None,
        at: at(seconds),
    };

    assert_eq!(factors.decide(send(29)), Err(Error::TooManyCodes));
    assert!(factors.decide(send(30)).is_ok());
    let mut many = vec![added(Method::Email, None)];
    many.extend((0..10).map(|n| sent(None, n * 60)));
    assert_eq!(given::<Factors>(&many).decide(send(1200)), Err(Error::TooManyCodes));
    assert!(given::<Factors>(&many).decide(send(3601)).is_ok());
}

#[test]
fn no_code_is_sent_where_there_is_no_such_factor() {
    let factors = given::<Factors>(&[added(Method::Totp, None), challenged()]);

    for (method, challenge) in [(Method::Email, None), (Method::Totp, None)] {
        let send = Command::Send { method, code: CODE, challenge, at: at(1) };
        assert_eq!(factors.decide(send), Err(Error::NoSuchFactor));
    }
}

#[test]
fn what_is_cleared_is_gone_and_a_lock_outlives_turning_off_but_not_a_reset() {
    let locked: Vec<Event> = [added(Method::Totp, None), backup_codes()]
        .into_iter()
        .chain((0..i64::from(FAILURES)).map(refused))
        .collect();
    let cleared = |reason| {
        let mut history = locked.clone();
        history.push(Event::Cleared { user: USER, reason, at: at(9) });
        given::<Factors>(&history)
    };

    for reason in [ClearReason::Disabled, ClearReason::Reset, ClearReason::Erased] {
        assert!(!cleared(reason).is_enabled() && cleared(reason).backup_codes_left() == 0);
    }
    assert!(cleared(ClearReason::Disabled).guard.locked_until(Method::Totp, at(10)).is_some());
    assert!(cleared(ClearReason::Reset).guard.locked_until(Method::Totp, at(10)).is_none());
}
