//! What keeps codes from being guessed: a lock per kind of factor, and a limit for all together.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;

use super::{Error, Method};

/// Wrong codes that lock a factor.
pub const FAILURES: u8 = 5;
/// How long a factor stays locked.
pub const LOCK: TimeDelta = TimeDelta::minutes(30);
/// Attempts in a minute, right or wrong, with whatever factor.
pub const PER_MINUTE: usize = 10;

/// What guesses have led to.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Guard {
    /// Wrong codes since the last right one, by factor.
    pub failures: BTreeMap<Method, u8>,
    /// Until when factors are locked.
    pub locked: BTreeMap<Method, DateTime<Utc>>,
    /// The last attempts, right or wrong.
    pub attempts: Vec<DateTime<Utc>>,
}

impl Guard {
    /// Until when a factor is locked, if it is.
    #[must_use]
    pub fn locked_until(&self, method: Method, at: DateTime<Utc>) -> Option<DateTime<Utc>> {
        self.locked.get(&method).copied().filter(|until| at < *until)
    }

    /// The last moment at which some factor is locked.
    #[must_use]
    pub fn any_locked_until(&self, at: DateTime<Utc>) -> Option<DateTime<Utc>> {
        self.locked.values().copied().filter(|until| at < *until).max()
    }

    pub(super) fn check(&self, method: Method, at: DateTime<Utc>) -> Result<(), Error> {
        self.locked_until(method, at).map_or(Ok(()), |until| Err(Error::Locked { until, at }))
    }

    pub(super) fn check_pace(&self, at: DateTime<Utc>) -> Result<(), Error> {
        let recent = self.attempts.iter().filter(|attempt| at - **attempt < TimeDelta::minutes(1));
        if recent.count() < PER_MINUTE { Ok(()) } else { Err(Error::TooFast) }
    }

    pub(super) fn accept(&mut self, method: Method, at: DateTime<Utc>) {
        self.succeed(method);
        self.note(at);
    }

    pub(super) fn succeed(&mut self, method: Method) {
        self.failures.remove(&method);
    }

    /// A code that was right once is no guess, and locks nothing.
    pub(super) fn refuse(&mut self, methods: &[Method], is_repeated: bool, at: DateTime<Utc>) {
        self.note(at);
        for method in methods.iter().filter(|_| !is_repeated) {
            let failures = self.failures.entry(*method).or_default();
            *failures = failures.saturating_add(1);
            if *failures >= FAILURES {
                self.failures.remove(method);
                self.locked.insert(*method, at + LOCK);
            }
        }
    }

    fn note(&mut self, at: DateTime<Utc>) {
        self.attempts.push(at);
        self.attempts.drain(..self.attempts.len().saturating_sub(PER_MINUTE));
    }
}
