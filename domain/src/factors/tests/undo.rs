//! "This was not me": what is put back and what is not.

use chrono::TimeDelta;

use super::{
    CHALLENGE, FACTOR, SESSION, SET, USER, added, backup_codes, challenged, prepared, present,
    signing_in, totp,
};
use crate::{
    Aggregate,
    factors::{
        BackupCodes, ClearReason, Command, Event, Factor, Factors, Method, Purpose, Shown, Undo,
    },
    testing::{at, given, id},
    user::UNDO,
};

fn cleared(seconds: i64) -> Event {
    Event::Cleared { user: USER, reason: ClearReason::Disabled, at: at(seconds) }
}

fn taken(step: u64) -> Event {
    let (method, factor) = (Method::Totp, Some(FACTOR));
    Event::CodeAccepted { method, factor, step: Some(step), code: None, at: at(1) }
}

fn undo(before: &[Event], by: i64) -> Command {
    let before = Box::new(given::<Factors>(before));
    Command::Undo(Undo { user: USER, by, before, at: at(9) })
}

fn after(events: &[Event], command: Command) -> Factors {
    let mut factors = given::<Factors>(events);
    for event in factors.decide(command).unwrap() {
        factors.evolve(&event);
    }
    factors
}

#[test]
fn factors_that_a_thief_turned_off_are_asked_for_again() {
    let before = [prepared(Method::Totp), added(Method::Totp, Some(7)), backup_codes()];
    let factors = given::<Factors>(&[&before[..], &[cleared(2)]].concat());

    let outcome = factors.decide(undo(&before, 20));

    let app = Factor { id: FACTOR, method: Method::Totp, phone: None, last_step: Some(7) };
    let codes = BackupCodes { set: SET, unused: (0..10).collect() };
    let (active, passkeys, backup_codes) = (vec![app], vec![], Some(codes));
    let (user, by, at) = (USER, 20, at(9));
    let undone = Event::Undone { user, by, active, passkeys, backup_codes, at };
    assert_eq!(outcome, Ok(vec![undone]));
}

#[test]
fn codes_that_were_taken_since_stay_taken() {
    let before = [added(Method::Totp, Some(7)), backup_codes()];
    let used = Event::BackupCodeUsed { set: SET, ordinal: 3, at: at(1) };
    let since = [taken(8), used, cleared(2)];

    let factors = after(&[&before[..], &since].concat(), undo(&before, 20));

    let step = |step| factors.decide(present(totp(Some(step)), Purpose::StepUp, at(99)));
    assert!(matches!(step(8).as_deref(), Ok([Event::CodeRefused { is_repeated: true, .. }])));
    assert!(matches!(step(9).as_deref(), Ok([Event::CodeAccepted { .. }])));
    let code = |ordinal| Shown::BackupCode { set: SET, ordinal: Some(ordinal) };
    let third = factors.decide(present(code(3), Purpose::StepUp, at(99)));
    assert!(matches!(third.as_deref(), Ok([Event::CodeRefused { .. }])));
    assert_eq!(factors.backup_codes_left(), 9);
}

#[test]
fn a_factor_that_a_thief_added_counts_no_more_and_neither_does_what_it_let_in() {
    let remembered =
        Event::DeviceRemembered { device: id(8), name: None, at: at(3), expires_at: at(999) };
    let mine = Event::Prepared { method: Method::Sms, factor: id(7), phone: None, at: at(2) };
    let answered = Event::ChallengeAnswered { challenge: CHALLENGE, session: SESSION, at: at(3) };
    let thief = [added(Method::Totp, Some(7)), backup_codes(), challenged(), answered, remembered];

    let factors = after(&[&thief[..], &[challenged(), mine]].concat(), undo(&[], 20));

    assert!(!factors.is_enabled() && factors.methods().is_empty());
    assert!(!factors.remembers(id(8), at(9)));
    assert!(!factors.is_proven(SESSION, at(9)));
    assert!(factors.decide(present(totp(Some(9)), signing_in(), at(9))).is_err());
    assert!(factors.prepared(Method::Sms).is_none());
}

#[test]
fn undoing_happens_once_for_each_time_the_account_was_undone() {
    let before = [added(Method::Totp, Some(7))];
    let mut factors = after(&[&before[..], &[cleared(2)]].concat(), undo(&before, 20));
    factors.evolve(&cleared(30));

    assert_eq!(factors.decide(undo(&before, 20)), Ok(vec![]));
    assert!(factors.decide(undo(&before, 31)).is_ok_and(|events| events.len() == 1));
}

#[test]
fn where_there_never_were_factors_nothing_is_written() {
    assert_eq!(Factors::default().decide(undo(&[], 20)), Ok(vec![]));
}

#[test]
fn what_was_replaced_is_kept_until_nobody_can_go_back_to_it() {
    let other = Event::BackupCodesMade { set: id(9), count: 10, at: at(0) + UNDO };
    let mut factors = given::<Factors>(&[added(Method::Totp, None), backup_codes(), other]);
    factors.evolve(&cleared(0));
    let sets = |factors: &Factors, after: TimeDelta| {
        let outdated = factors.outdated(at(0) + after);
        outdated.filter_map(|old| old.backup_codes.as_ref()).map(|it| it.set).collect::<Vec<_>>()
    };

    assert!(sets(&factors, UNDO).is_empty());
    assert_eq!(sets(&factors, UNDO + TimeDelta::hours(2)), [id(9)]);

    let late = at(0) + UNDO + TimeDelta::hours(2);
    factors.evolve(&Event::Prepared { method: Method::Sms, factor: id(7), phone: None, at: late });
    assert_eq!(factors.former.len(), 1);
}

#[test]
fn another_password_forgets_the_devices_of_before() {
    let remembered = |number: u128, seconds| Event::DeviceRemembered {
        device: id(number),
        name: None,
        at: at(seconds),
        expires_at: at(999),
    };
    let factors = given::<Factors>(&[remembered(1, 1), remembered(2, 2), remembered(3, 3)]);

    let outcome = factors.decide(Command::ForgetDevicesOf { until: at(2) });

    assert_eq!(outcome, Ok(vec![Event::DevicesForgotten { devices: vec![id(1), id(2)] }]));
    let nobody = Factors::default().decide(Command::ForgetDevicesOf { until: at(2) });
    assert_eq!(nobody, Ok(vec![]));
}
