//! Commands through [`EventLog::append`] alone: sessions of ten events, a claim with every first one.

use domain::session::{Event, Session};
use eventlog::{Append, EventLog, Expected, Meta, Position};
use uuid::Uuid;

use super::{
    bulk::{circumstances, refreshed, started},
    crew::Member,
};

/// Events of a session.
const LENGTH: i64 = 10;

/// One caller, who keeps one session after another.
pub struct Keeper {
    log: EventLog,
    meta: Meta,
    stream: Uuid,
    version: i64,
}

impl Keeper {
    /// Begins with a new session of a new person.
    pub fn new(log: &EventLog) -> Self {
        let user = Uuid::now_v7();
        let meta = circumstances(user);
        Self { log: log.clone(), meta, stream: Uuid::now_v7(), version: 0 }
    }

    fn event(&self) -> Event {
        match (self.version, self.meta.subject) {
            (0, Some(user)) => started(user),
            (version, _) => refreshed(u32::try_from(version).unwrap_or(0) + 1),
        }
    }
}

impl Member for Keeper {
    async fn act(&mut self) -> anyhow::Result<Position> {
        let command = Uuid::now_v7();
        let append = Append::<Session> {
            stream: self.stream,
            expected: Expected::Version(self.version),
            events: &[self.event()],
            secrets: vec![],
            meta: &self.meta,
            command,
            fingerprint: command.as_bytes().to_vec(),
        };
        let appended = self.log.append(append).await?;
        self.version = appended.version;
        if self.version == LENGTH {
            (self.stream, self.version) = (Uuid::now_v7(), 0);
        }
        Ok(appended.last)
    }
}
