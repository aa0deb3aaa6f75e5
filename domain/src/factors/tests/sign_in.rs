//! Sign-ins that wait for a factor.

use super::*;

#[test]
fn a_right_code_answers_the_challenge_once() {
    let factors = given::<Factors>(&[added(Method::Totp, Some(6)), challenged()]);

    let events = factors.decide(present(totp(Some(7)), signing_in(), at(1))).unwrap();

    let accepted = Event::CodeAccepted {
        method: Method::Totp,
        factor: Some(FACTOR),
        step: Some(7),
        code: None,
        at: at(1),
    };
    let answered = Event::ChallengeAnswered { challenge: CHALLENGE, session: SESSION, at: at(1) };
    assert_eq!(events, [accepted.clone(), answered.clone()]);
    let after = given::<Factors>(&[added(Method::Totp, Some(6)), challenged(), accepted, answered]);
    let again = after.decide(present(totp(Some(8)), signing_in(), at(31)));
    assert_eq!(again, Err(Error::ChallengeOver));
    assert!(after.is_proven(SESSION, at(301)) && !after.is_proven(SESSION, at(302)));
    assert!(!after.is_proven(id(9), at(2)));
}

#[test]
fn a_challenge_is_given_up_after_a_while() {
    let factors = given::<Factors>(&[added(Method::Totp, None), challenged()]);

    let late = at(0) + CHALLENGE_LIFETIME;
    let outcome = factors.decide(present(totp(Some(7)), signing_in(), late));

    assert_eq!(outcome, Err(Error::ChallengeOver));
}

#[test]
fn without_factors_there_is_nothing_to_challenge_with() {
    let command = Command::Challenge { challenge: CHALLENGE, way: Way::SignIn, at: at(0) };

    assert_eq!(given::<Factors>(&[]).decide(command), Err(Error::NotEnabled));
}

#[test]
fn a_code_that_was_sent_for_one_sign_in_opens_no_other_and_no_settings() {
    let factors =
        given::<Factors>(&[added(Method::Email, None), challenged(), sent(Some(id(9)), 0)]);
    let code = || Shown::Sent { code: CODE, is_right: true };

    for purpose in [signing_in(), Purpose::StepUp] {
        let events = factors.decide(present(code(), purpose, at(1))).unwrap();
        assert!(matches!(events[..], [Event::CodeRefused { .. }]), "{events:?}");
    }
}

#[test]
fn a_code_that_was_sent_is_good_for_five_minutes_and_once() {
    let history = [added(Method::Email, None), challenged(), sent(Some(CHALLENGE), 0)];
    let code = || Shown::Sent { code: CODE, is_right: true };
    let is_right = |factors: &Factors, seconds| {
        let events = factors.decide(present(code(), signing_in(), at(seconds))).unwrap();
        matches!(events[0], Event::CodeAccepted { .. })
    };

    let factors = given::<Factors>(&history);
    assert!(is_right(&factors, 299) && !is_right(&factors, 300));
    let mut used = factors;
    used.evolve(&Event::CodeAccepted {
        method: Method::Email,
        factor: Some(FACTOR),
        step: None,
        code: Some(CODE),
        at: at(1),
    });
    assert!(!is_right(&used, 2));
}

#[test]
fn a_code_that_went_to_a_factor_which_is_being_set_up_shows_nothing_else() {
    let history = [added(Method::Email, None), prepared(Method::Email), sent(None, 0)];
    let factors = given::<Factors>(&history);

    let code = Shown::Sent { code: CODE, is_right: true };
    let events = factors.decide(present(code, Purpose::StepUp, at(1))).unwrap();

    assert!(matches!(events[..], [Event::CodeRefused { .. }]), "{events:?}");
}

#[test]
fn a_backup_code_is_good_once() {
    let history = [added(Method::Totp, None), backup_codes(), challenged()];
    let mut factors = given::<Factors>(&history);
    let code = || Shown::BackupCode { set: SET, ordinal: Some(3) };

    let events = factors.decide(present(code(), signing_in(), at(1))).unwrap();
    assert_eq!(events[0], Event::BackupCodeUsed { set: SET, ordinal: 3, at: at(1) });
    factors.evolve(&events[0]);

    assert_eq!(factors.backup_codes_left(), 9);
    let again = factors.decide(present(code(), signing_in(), at(2))).unwrap();
    assert!(matches!(again[..], [Event::CodeRefused { is_repeated: true, .. }]));
}

#[test]
fn codes_of_a_set_that_was_replaced_are_wrong() {
    let newer = Event::BackupCodesMade { set: id(9), count: BACKUP_CODES, at: at(1) };
    let factors = given::<Factors>(&[added(Method::Totp, None), backup_codes(), newer]);

    let code = Shown::BackupCode { set: SET, ordinal: Some(3) };
    let events = factors.decide(present(code, Purpose::StepUp, at(2))).unwrap();

    assert!(matches!(events[..], [Event::CodeRefused { .. }]));
}
