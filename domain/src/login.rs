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
        /// With which program, in its own words.
        user_agent: Option<String>,
        /// When.
        at: DateTime<Utc>,
    },
    /// Write down that an attempt was refused whatever the password was.
    RecordRefusal {
        /// Why.
        reason: Refusal,
        /// From where.
        address: Option<String>,
        /// With which program, in its own words.
        user_agent: Option<String>,
        /// When.
        at: DateTime<Utc>,
    },
}

/// Why an attempt was refused whatever the password was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Refusal {
    /// Devices that never signed in to the account have tried too often.
    TooManyFromStrangers,
    /// This device, which signed in before, has tried too often.
    TooManyFromDevice,
    /// The account is deactivated, and the password was right.
    AccountDeactivated,
    /// Nobody has shown that the mailbox is theirs, and the password was right.
    MailboxUnproven,
}

/// What can have happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Event {
    /// Somebody gave a wrong password.
    #[serde(rename = "login.failed")]
    Failed {
        /// From where.
        address: Option<Personal<String>>,
        /// With which program, in its own words.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        user_agent: Option<Personal<String>>,
        /// When.
        at: DateTime<Utc>,
    },
    /// Somebody was refused whatever the password was.
    #[serde(rename = "login.refused")]
    Refused {
        /// Why.
        reason: Refusal,
        /// From where.
        address: Option<Personal<String>>,
        /// With which program, in its own words.
        user_agent: Option<Personal<String>>,
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
            Command::RecordFailure { address, user_agent, at } => Ok(vec![Event::Failed {
                address: address.map(Personal::from),
                user_agent: user_agent.map(Personal::from),
                at,
            }]),
            Command::RecordRefusal { reason, address, user_agent, at } => {
                Ok(vec![Event::Refused {
                    reason,
                    address: address.map(Personal::from),
                    user_agent: user_agent.map(Personal::from),
                    at,
                }])
            }
        }
    }

    fn evolve(&mut self, event: &Event) {
        match event {
            Event::Failed { .. } | Event::Refused { .. } => self.failures += 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Command, Event, Login, Refusal};
    use crate::{
        Aggregate,
        testing::{at, given},
    };

    fn failed(seconds: i64) -> Event {
        Event::Failed {
            address: Some("192.0.2.1".to_owned().into()),
            user_agent: None,
            at: at(seconds),
        }
    }

    #[test]
    fn a_refused_attempt_is_written_down() {
        let login = given::<Login>(&[failed(0)]);

        let address = Some("192.0.2.1".to_owned());
        let command = Command::RecordFailure { address, user_agent: None, at: at(1) };
        let outcome = login.decide(command);

        assert_eq!(outcome, Ok(vec![failed(1)]));
    }

    fn refused(seconds: i64) -> Event {
        let reason = Refusal::TooManyFromStrangers;
        Event::Refused { reason, address: None, user_agent: None, at: at(seconds) }
    }

    #[test]
    fn a_refusal_says_why() {
        let reason = Refusal::TooManyFromStrangers;
        let command = Command::RecordRefusal { reason, address: None, user_agent: None, at: at(1) };

        let outcome = Login::default().decide(command);

        assert_eq!(outcome, Ok(vec![refused(1)]));
    }

    #[test]
    fn refused_attempts_are_counted() {
        let login = given::<Login>(&[failed(0), refused(1)]);

        assert_eq!(login.failures, 2);
    }
}
