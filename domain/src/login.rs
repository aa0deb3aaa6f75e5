//! Attempts to sign in to one account that were refused.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::{Aggregate, Category, Personal, Rejection};

/// The refused attempts on one account.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Login {
    /// How many there were.
    pub failures: u64,
}

/// What may be asked.
#[derive(Clone, Debug)]
pub enum Command {
    /// Write down that an attempt was refused.
    RecordFailure {
        /// From where.
        address: Option<String>,
        /// When.
        at: DateTime<Utc>,
    },
}

/// What can have happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Event {
    /// Somebody gave a wrong password.
    #[serde(rename = "login.failed")]
    Failed {
        /// From where.
        address: Option<Personal<String>>,
        /// When.
        at: DateTime<Utc>,
    },
}

/// Nothing is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {}

impl From<Error> for Rejection {
    fn from(error: Error) -> Self {
        match error {}
    }
}

impl Aggregate for Login {
    const CATEGORY: Category = Category::Login;
    type Command = Command;
    type Event = Event;
    type Error = Error;

    fn decide(&self, command: Command) -> Result<Vec<Event>, Error> {
        match command {
            Command::RecordFailure { address, at } => {
                Ok(vec![Event::Failed { address: address.map(Personal::from), at }])
            }
        }
    }

    fn evolve(&mut self, event: &Event) {
        match event {
            Event::Failed { .. } => self.failures += 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Command, Event, Login};
    use crate::{
        Aggregate,
        testing::{at, given},
    };

    fn failed(seconds: i64) -> Event {
        Event::Failed { address: Some("192.0.2.1".to_owned().into()), at: at(seconds) }
    }

    #[test]
    fn a_refused_attempt_is_written_down() {
        let login = given::<Login>(&[failed(0)]);

        let address = Some("192.0.2.1".to_owned());
        let outcome = login.decide(Command::RecordFailure { address, at: at(1) });

        assert_eq!(outcome, Ok(vec![failed(1)]));
    }

    #[test]
    fn refused_attempts_are_counted() {
        let login = given::<Login>(&[failed(0), failed(1)]);

        assert_eq!(login.failures, 2);
    }
}
