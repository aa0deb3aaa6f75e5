//! Passkeys: registered, shown, refused, removed.

use super::*;

const PASSKEY: Uuid = Uuid::from_u128(20);
const CEREMONY: Uuid = Uuid::from_u128(21);

fn name() -> Text {
    Text::try_from("Telephone".to_owned()).unwrap()
}

fn passkey(n: u128, counter: u32) -> Event {
    Event::PasskeyAdded {
        user: USER,
        passkey: id(n),
        name: name().into(),
        credential: format!("credential {n}"),
        counter,
        ceremony: id(1000 + n),
        at: at(0),
    }
}

fn registering(credential: &str) -> Command {
    Command::AddPasskey(NewPasskey {
        user: USER,
        passkey: PASSKEY,
        name: name(),
        credential: credential.to_owned(),
        counter: 0,
        ceremony: CEREMONY,
        set: SET,
        at: at(0),
    })
}

fn shown(signed: Signed, opens: Opens, seconds: i64) -> Command {
    let (passkey, ceremony, found) = (Some(PASSKEY), CEREMONY, Ok(signed));
    Command::ShowPasskey(Assertion { passkey, ceremony, found, opens, at: at(seconds) })
}

const fn signed(counter: u32, is_verified: bool) -> Signed {
    Signed { counter, is_verified }
}

fn challenge() -> Opens {
    Opens::Challenge { challenge: CHALLENGE, session: SESSION, device: None }
}

fn refused_with(fault: Fault, is_first: bool, seconds: i64) -> Event {
    let (passkey, ceremony) = (Some(PASSKEY), CEREMONY);
    Event::PasskeyRefused { passkey, ceremony, fault, is_first, at: at(seconds) }
}

fn used_by(session: Uuid, counter: u32, is_verified: bool, seconds: i64) -> Event {
    let (passkey, ceremony, at) = (PASSKEY, CEREMONY, at(seconds));
    Event::PasskeyUsed { passkey, ceremony, counter, is_verified, session, at }
}

#[test]
fn a_first_passkey_is_a_factor_and_brings_backup_codes() {
    let outcome = Factors::default().decide(registering("credential 20")).unwrap();

    assert!(matches!(outcome[..], [Event::PasskeyAdded { .. }, Event::BackupCodesMade { .. }]));
    let factors = given::<Factors>(&outcome);
    assert_eq!(factors.methods(), [Method::Passkey, Method::BackupCode]);
    let again = factors.decide(registering("credential 21"));
    assert_eq!(again, Err(Error::CeremonyOver), "one question registers one passkey");
}

#[test]
fn a_passkey_is_registered_once_and_not_too_many_are() {
    let factors = given::<Factors>(&[passkey(1, 0), backup_codes()]);
    assert_eq!(factors.decide(registering("credential 1")), Err(Error::PasskeyKnown));
    assert_eq!(factors.decide(registering("credential 2")).map(|events| events.len()), Ok(1));

    let many: Vec<Event> = (1..=PASSKEYS as u128).map(|n| passkey(n, 0)).collect();
    let outcome = given::<Factors>(&many).decide(registering("another"));

    assert_eq!(outcome, Err(Error::TooManyPasskeys));
}

#[test]
fn a_passkey_answers_a_challenge_once() {
    let mut factors = given::<Factors>(&[passkey(20, 0), challenged()]);

    let events = factors.decide(shown(signed(0, false), challenge(), 1)).unwrap();

    let answered = Event::ChallengeAnswered { challenge: CHALLENGE, session: SESSION, at: at(1) };
    assert_eq!(events, [used_by(SESSION, 0, false, 1), answered]);
    for event in &events {
        factors.evolve(event);
    }
    let again = factors.decide(shown(signed(0, true), Opens::SignIn { session: SESSION }, 2));
    assert_eq!(again, Err(Error::CeremonyOver));
    assert!(factors.is_proven(SESSION, at(2)));
    assert!(!factors.has_shown_passkey(SESSION, at(2)), "nobody has shown who they are");
}

#[test]
fn a_passkey_alone_is_not_enough_unless_its_device_knows_the_person() {
    let factors = given::<Factors>(&[passkey(20, 0)]);
    for opens in [Opens::SignIn { session: SESSION }, Opens::StepUp { session: SESSION }] {
        let is_first = matches!(opens, Opens::SignIn { .. });

        let without = factors.decide(shown(signed(0, false), opens.clone(), 1));
        let with = factors.decide(shown(signed(0, true), opens, 1));

        assert_eq!(without, Ok(vec![refused_with(Fault::NotVerified, is_first, 1)]));
        assert_eq!(with, Ok(vec![used_by(SESSION, 0, true, 1)]));
    }
    let after = given::<Factors>(&[passkey(20, 0), used_by(SESSION, 0, true, 1)]);
    assert!(after.has_shown_passkey(SESSION, at(301)));
    assert!(!after.has_shown_passkey(SESSION, at(302)) && !after.has_shown_passkey(id(9), at(2)));
}

#[test]
fn a_counter_only_goes_up_and_a_device_that_does_not_count_says_zero() {
    let opens = || Opens::SignIn { session: SESSION };
    let judged = |before, counter| {
        let events = given::<Factors>(&[passkey(20, before)]).decide(shown(
            signed(counter, true),
            opens(),
            1,
        ));
        events.unwrap().remove(0)
    };

    assert_eq!(judged(0, 0), used_by(SESSION, 0, true, 1));
    assert_eq!(judged(7, 8), used_by(SESSION, 8, true, 1));
    for (before, counter) in [(7, 7), (7, 6), (7, 0)] {
        assert_eq!(judged(before, counter), refused_with(Fault::CounterWentBack, true, 1));
    }
    let used = given::<Factors>(&[passkey(20, 7), used_by(SESSION, 8, true, 1)]);
    assert_eq!(used.passkeys[0].counter, 8);
}

#[test]
fn what_is_no_passkey_of_the_person_is_written_down() {
    let factors = given::<Factors>(&[passkey(1, 0)]);

    let outcome = factors.decide(shown(signed(0, true), Opens::StepUp { session: SESSION }, 1));

    let (passkey, ceremony, fault) = (None, CEREMONY, Fault::Unknown);
    let refused = Event::PasskeyRefused { passkey, ceremony, fault, is_first: false, at: at(1) };
    assert_eq!(outcome, Ok(vec![refused]));
}

#[test]
fn five_refusals_lock_passkeys_as_a_second_factor_and_strangers_lock_nothing() {
    let after = |is_first| {
        let refused = (0..5).map(|n| {
            let (ceremony, fault) = (id(50 + n), Fault::Invalid);
            Event::PasskeyRefused { passkey: Some(PASSKEY), ceremony, fault, is_first, at: at(1) }
        });
        let history: Vec<Event> =
            [passkey(20, 0), challenged()].into_iter().chain(refused).collect();
        given::<Factors>(&history)
    };

    let locked = after(false).decide(shown(signed(0, true), challenge(), 62));
    assert!(matches!(locked, Err(Error::Locked { .. })), "{locked:?}");
    let alone = after(false).decide(shown(signed(0, true), Opens::SignIn { session: SESSION }, 62));
    assert!(
        alone.is_ok(),
        "a lock that whoever knows the password can set does not shut this door"
    );
    assert!(after(true).decide(shown(signed(0, true), challenge(), 2)).is_ok());
}

#[test]
fn a_removed_passkey_is_gone_and_the_last_factor_takes_all_else_along() {
    let remove = |passkey, may_turn_off| Command::RemovePasskeys {
        user: USER,
        passkey,
        may_turn_off,
        at: at(1),
    };
    let removed = |n| Event::PasskeyRemoved { user: USER, passkey: id(n), at: at(1) };
    let cleared = Event::Cleared { user: USER, reason: ClearReason::Disabled, at: at(1) };
    let two = given::<Factors>(&[passkey(1, 0), passkey(2, 0), backup_codes()]);

    assert_eq!(two.decide(remove(Some(id(3)), true)), Err(Error::NoSuchPasskey));
    assert_eq!(two.decide(remove(Some(id(1)), false)), Ok(vec![removed(1)]));
    assert_eq!(two.decide(remove(None, false)), Err(Error::LastFactor));
    let all = two.decide(remove(None, true)).unwrap();
    assert_eq!(all, [removed(1), removed(2), cleared]);
    assert!(!given::<Factors>(&all).is_enabled());

    let with_app = given::<Factors>(&[added(Method::Totp, None), passkey(1, 0), backup_codes()]);
    assert_eq!(with_app.decide(remove(None, false)), Ok(vec![removed(1)]));
}

#[test]
fn undoing_brings_a_passkey_back_with_all_that_it_counted_and_takes_a_thief_s_away() {
    let before = [passkey(20, 3), backup_codes()];
    let removed = Event::PasskeyRemoved { user: USER, passkey: PASSKEY, at: at(2) };
    let since = [used_by(SESSION, 9, true, 1), passkey(2, 0), removed];
    let mut factors = given::<Factors>(&[&before[..], &since].concat());

    let undo = Undo { user: USER, by: 20, before: Box::new(given::<Factors>(&before)), at: at(9) };
    for event in factors.decide(Command::Undo(undo)).unwrap() {
        factors.evolve(&event);
    }

    let counted: Vec<_> = factors.passkeys.iter().map(|known| (known.id, known.counter)).collect();
    assert_eq!(counted, [(PASSKEY, 9)]);
    let kept = factors.former.iter().flat_map(|former| &former.passkeys);
    assert_eq!(kept.map(|known| known.id).collect::<Vec<_>>(), [id(2)]);
    let replayed = factors.decide(shown(signed(10, true), Opens::SignIn { session: SESSION }, 10));
    assert_eq!(replayed, Err(Error::CeremonyOver));
}

#[test]
fn a_new_passkey_makes_all_devices_ask_again() {
    let remembered = Event::DeviceRemembered {
        device: id(8),
        name: None,
        at: at(0),
        expires_at: at(0) + DEVICE_LIFETIME,
    };

    let factors = given::<Factors>(&[added(Method::Totp, None), remembered, passkey(20, 0)]);

    assert!(!factors.remembers(id(8), at(60)));
}
