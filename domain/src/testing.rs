//! What the tests of this crate share.

use std::{fmt::Debug, sync::Arc};

use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

use crate::{Aggregate, Email, Seal, Text, with_seal};

/// The state after `events`.
pub fn given<A: Aggregate>(events: &[A::Event]) -> A {
    let mut state = A::default();
    for event in events {
        state.evolve(event);
    }
    state
}

/// Obeys `commands` as far as they are allowed, and checks that what was stored leads to the same
/// state again.
pub fn assert_replays<A: Aggregate + Debug + PartialEq>(commands: Vec<A::Command>) {
    let mut lived = A::default();
    let mut stored = vec![];
    for command in commands {
        for event in lived.decide(command).unwrap_or_default() {
            lived.evolve(&event);
            stored.push(sealed(|| serde_json::to_vec(&event)).unwrap());
        }
    }

    let read = |payload: &Vec<u8>| sealed(|| serde_json::from_slice(payload)).unwrap();
    let events: Vec<A::Event> = stored.iter().map(read).collect();

    assert_eq!(given::<A>(&events), lived);
}

/// Checks that states are kept as the stored sample of them says, and read back from it.
pub fn assert_kept<A: Aggregate + Debug + PartialEq>(states: &[A], sample: &str) {
    let form = A::SNAPSHOT.expect("its states are kept");
    let kept: Vec<serde_json::Value> = states
        .iter()
        .map(|state| serde_json::from_slice(&form.write(state).unwrap()).unwrap())
        .collect();
    let stored: Vec<serde_json::Value> = serde_json::from_str(sample).unwrap();
    let now = serde_json::to_string(&kept).unwrap();
    assert_eq!(
        kept, stored,
        "these states are kept in another form now; the new sample is:\n{now}"
    );
    for (state, kept) in states.iter().zip(stored) {
        assert_eq!(form.read(kept.to_string().as_bytes()).unwrap(), *state);
    }
}

/// Hides nothing, so that stored samples can be read.
struct ClearSeal;

impl Seal for ClearSeal {
    fn seal(&self, clear: &[u8], _context: &[u8]) -> Result<String, String> {
        String::from_utf8(clear.to_vec())
            .map(|clear| format!("sealed:{clear}"))
            .map_err(|error| error.to_string())
    }

    fn open(&self, sealed: &str, _context: &[u8]) -> Result<Option<Vec<u8>>, String> {
        let clear = sealed.strip_prefix("sealed:").ok_or("this was not sealed")?;
        Ok(Some(clear.as_bytes().to_vec()))
    }
}

/// Runs `work` under a seal that hides nothing.
pub fn sealed<R>(work: impl FnOnce() -> R) -> R {
    with_seal(Arc::new(ClearSeal), Uuid::nil(), work)
}

/// A moment, `seconds` after the first one.
pub fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::seconds(seconds)
}

pub fn id(number: u128) -> Uuid {
    Uuid::from_u128(number)
}

pub fn email(text: &str) -> Email {
    Email::try_from(text.to_owned()).unwrap()
}

pub fn text(text: &str) -> Text {
    Text::try_from(text.to_owned()).unwrap()
}
