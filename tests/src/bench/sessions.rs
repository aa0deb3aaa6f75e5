//! Commands through [`EventLog::append`] alone: sessions of ten events, a claim with every first one.

use commands::Clock;
use domain::session::{Event, Session};
use eventlog::{Append, EventLog, Expected, Meta, Position};
use uuid::Uuid;

use super::crew::Member;

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
        let meta = Meta {
            actor: Some(user),
            subject: Some(user),
            correlation: Some(Uuid::now_v7()),
            credential: Some(Uuid::now_v7()),
            address: Some("192.0.2.1".to_owned().into()),
            traceparent: Some("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".to_owned()),
            ..Meta::default()
        };
        Self { log: log.clone(), meta, stream: Uuid::now_v7(), version: 0 }
    }

    fn event(&self) -> Event {
        let at = Clock::System.now();
        match (self.version, self.meta.subject) {
            (0, Some(user)) => Event::Started {
                user,
                user_agent: Some("Mozilla/5.0 (X11; Linux x86_64)".to_owned().into()),
                address: Some("192.0.2.1".to_owned().into()),
                at,
                expires_at: at,
            },
            (version, _) => {
                Event::Refreshed { generation: u32::try_from(version).unwrap_or(0) + 1, at }
            }
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
