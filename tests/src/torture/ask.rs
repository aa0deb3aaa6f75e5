//! A command to the log, in a form that can be written down and asked again.

use std::{fmt, str::FromStr};

use anyhow::{Context, bail};
use chrono::{DateTime, TimeDelta};
use domain::{
    Aggregate, Text,
    api_key::{self, ApiKey},
    login::{self, Login},
};
use eventlog::{Append, AppendError, Appended, EventLog, Expected, Meta};
use uuid::Uuid;

/// People whose keys seal what is written.
const PEOPLE: u8 = 16;

/// A command to the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ask {
    /// Its id.
    pub command: Uuid,
    /// The stream it writes to.
    pub stream: Uuid,
    /// How far the stream must have come, if it matters.
    pub expected: Option<i64>,
    /// What is to be written.
    pub what: What,
    /// How many events.
    pub count: i64,
}

/// What a command writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// Events that claim nothing.
    Failures,
    /// An event that takes the key of this number, which one stream may hold.
    Take(u8),
    /// An event that gives it back.
    Release(u8),
}

impl Ask {
    /// Asks the log.
    pub async fn send(&self, log: &EventLog) -> Result<Appended, AppendError> {
        match self.what {
            What::Failures => {
                let events: Vec<_> = (0..self.count).map(|_| failed()).collect();
                self.append::<Login>(log, &events).await
            }
            What::Take(key) => self.append::<ApiKey>(log, &[created(key)]).await,
            What::Release(key) => self.append::<ApiKey>(log, &[revoked(key)]).await,
        }
    }

    async fn append<A: Aggregate>(
        &self,
        log: &EventLog,
        events: &[A::Event],
    ) -> Result<Appended, AppendError> {
        let person = u128::from(self.stream.as_bytes()[15] % PEOPLE) + 1;
        let append = Append::<A> {
            stream: self.stream,
            expected: self.expected.map_or(Expected::Any, Expected::Version),
            events,
            secrets: vec![],
            meta: &Meta::default().about(Uuid::from_u128(person)),
            command: self.command,
            fingerprint: self.to_string().into_bytes(),
        };
        log.append(append).await
    }
}

impl What {
    /// What is claimed under a number.
    #[must_use]
    pub fn key(number: u8) -> String {
        format!("ak_{number}")
    }
}

fn failed() -> login::Event {
    let address = Some("192.0.2.1".to_owned().into());
    login::Event::Failed { address, user_agent: None, at: DateTime::UNIX_EPOCH }
}

fn created(key: u8) -> api_key::Event {
    let name = Text::try_from("a key".to_owned()).expect("a text");
    api_key::Event::Created {
        owner: Uuid::nil(),
        name: name.into(),
        prefix: What::key(key),
        scopes: vec![],
        at: DateTime::UNIX_EPOCH,
        expires_at: DateTime::UNIX_EPOCH + TimeDelta::days(90),
    }
}

fn revoked(key: u8) -> api_key::Event {
    api_key::Event::Revoked { prefix: What::key(key), before: None }
}

impl fmt::Display for Ask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let expected = self.expected.map_or("any".to_owned(), |version| version.to_string());
        let (kind, key) = match self.what {
            What::Failures => ("failures", 0),
            What::Take(key) => ("take", key),
            What::Release(key) => ("release", key),
        };
        write!(f, "{} {} {expected} {kind} {key} {}", self.command, self.stream, self.count)
    }
}

impl FromStr for Ask {
    type Err = anyhow::Error;

    fn from_str(line: &str) -> anyhow::Result<Self> {
        let words: Vec<&str> = line.split(' ').collect();
        let [command, stream, expected, kind, key, count] = words[..] else {
            bail!("not a command: {line}")
        };
        let key = key.parse()?;
        Ok(Self {
            command: command.parse()?,
            stream: stream.parse()?,
            expected: match expected {
                "any" => None,
                version => Some(version.parse().context("an expected version")?),
            },
            what: match kind {
                "failures" => What::Failures,
                "take" => What::Take(key),
                "release" => What::Release(key),
                _ => bail!("not a kind: {kind}"),
            },
            count: count.parse()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{Ask, What};
    use uuid::Uuid;

    #[test]
    fn a_command_reads_back_as_it_was_written() {
        for (expected, what) in [(None, What::Take(3)), (Some(7), What::Failures)] {
            let ask = Ask {
                command: Uuid::from_u128(1),
                stream: Uuid::from_u128(2),
                expected,
                what,
                count: 4,
            };

            assert_eq!(ask.to_string().parse::<Ask>().unwrap(), ask);
        }
    }
}
