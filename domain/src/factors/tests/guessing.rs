//! What guesses lead to, whatever is asked in whatever order.

use std::collections::{BTreeMap, HashSet};

use chrono::TimeDelta;
use proptest::prelude::*;

use super::*;

#[test]
fn five_wrong_codes_lock_a_factor_for_half_an_hour_also_for_the_right_one() {
    let history: Vec<Event> =
        [added(Method::Totp, None)].into_iter().chain((0..5).map(refused)).collect();
    let factors = given::<Factors>(&history);

    let early = factors.decide(present(totp(Some(7)), Purpose::StepUp, at(4) + LOCK - at_once()));
    let late = factors.decide(present(totp(Some(7)), Purpose::StepUp, at(4) + LOCK));

    assert!(matches!(early, Err(Error::Locked { .. })), "{early:?}");
    assert!(matches!(late.unwrap()[..], [Event::CodeAccepted { .. }]));
}

#[test]
fn a_right_code_in_between_begins_the_count_anew() {
    let right = Event::CodeAccepted {
        method: Method::Totp,
        factor: Some(FACTOR),
        step: Some(1),
        code: None,
        at: at(3),
    };
    let history = [added(Method::Totp, None), refused(0), refused(1), refused(2), right];
    let mut factors = given::<Factors>(&history);

    factors.evolve(&refused(4));
    factors.evolve(&refused(5));

    assert_eq!(factors.guard.locked_until(Method::Totp, at(6)), None);
}

#[test]
fn ten_attempts_a_minute_are_enough() {
    let repeated = |seconds| Event::CodeRefused {
        methods: vec![Method::Totp],
        is_repeated: true,
        at: at(seconds),
    };
    let history: Vec<Event> =
        [added(Method::Totp, None)].into_iter().chain((0..10).map(repeated)).collect();
    let factors = given::<Factors>(&history);

    let early = factors.decide(present(totp(Some(7)), Purpose::StepUp, at(59)));
    let late = factors.decide(present(totp(Some(7)), Purpose::StepUp, at(60)));

    assert_eq!(early, Err(Error::TooFast));
    assert!(late.is_ok());
}

#[test]
fn a_lock_leaves_the_other_factors_open() {
    let history: Vec<Event> = [added(Method::Totp, None), backup_codes()]
        .into_iter()
        .chain((0..5).map(refused))
        .collect();
    let factors = given::<Factors>(&history);

    let code = Shown::BackupCode { set: SET, ordinal: Some(0) };
    let outcome = factors.decide(present(code, Purpose::StepUp, at(120)));

    assert!(matches!(outcome.unwrap()[..], [Event::BackupCodeUsed { .. }]));
}

fn at_once() -> TimeDelta {
    TimeDelta::microseconds(1)
}

fn any_shown() -> impl Strategy<Value = Shown> {
    prop_oneof![
        4 => prop::option::weighted(0.5, 0..6_u64)
            .prop_map(|step| Shown::Totp { factor: FACTOR, step }),
        2 => prop::option::weighted(0.5, 0..BACKUP_CODES)
            .prop_map(|ordinal| Shown::BackupCode { set: SET, ordinal }),
        1 => any::<bool>().prop_map(|is_right| Shown::Sent { code: CODE, is_right }),
    ]
}

/// Codes, each some seconds after the one before.
fn any_attempts() -> impl Strategy<Value = Vec<(Shown, bool, i64)>> {
    prop::collection::vec((any_shown(), any::<bool>(), 0..90_i64), 1..80)
}

/// What a factor's guard should know, kept another way.
#[derive(Default)]
struct Model {
    wrong: BTreeMap<Method, u8>,
    locked: BTreeMap<Method, DateTime<Utc>>,
    taken: HashSet<String>,
}

impl Model {
    fn take_in(&mut self, shown: &Shown, event: &Event, now: DateTime<Utc>) {
        let (methods, is_wrong) = match event {
            Event::CodeRefused { methods, is_repeated, .. } => (methods.clone(), !is_repeated),
            Event::CodeAccepted { method, .. } => (vec![*method], false),
            _ => (vec![Method::BackupCode], false),
        };
        for method in &methods {
            let until = self.locked.get(method);
            assert!(until.is_none_or(|until| now >= *until), "{method:?} was locked");
        }
        if is_wrong {
            for method in methods {
                let wrong = self.wrong.entry(method).or_default();
                *wrong += 1;
                if *wrong == 5 {
                    *wrong = 0;
                    self.locked.insert(method, now + TimeDelta::minutes(30));
                }
            }
        } else if !matches!(event, Event::CodeRefused { .. }) {
            assert!(self.taken.insert(format!("{shown:?}")), "{shown:?} was taken twice");
            self.wrong.remove(&methods[0]);
        }
    }
}

proptest! {
    #[test]
    fn no_code_is_taken_twice_and_no_locked_factor_takes_a_guess(attempts in any_attempts()) {
        let history =
            [added(Method::Totp, None), added(Method::Email, None), backup_codes(), sent(None, 0)];
        let mut factors = given::<Factors>(&history);
        let (mut model, mut now, mut tried) = (Model::default(), at(1), Vec::new());

        for (shown, is_step_up, seconds) in attempts {
            now += TimeDelta::seconds(seconds);
            let purpose = if is_step_up { Purpose::StepUp } else { signing_in() };
            let (challenge, expires_at) = (CHALLENGE, now + CODE_LIFETIME);
            factors.evolve(&Event::ChallengeOpened { challenge, way: Way::SignIn, at: now, expires_at });
            let Ok(events) = factors.decide(present(shown.clone(), purpose, now)) else { continue };
            tried.push(now);
            model.take_in(&shown, &events[0], now);
            for event in &events {
                factors.evolve(event);
            }
        }

        for window in tried.windows(PER_MINUTE + 1) {
            prop_assert!(window[PER_MINUTE] - window[0] >= TimeDelta::minutes(1));
        }
    }
}
