//! Commands of a hundred events each: one long session after another.

use commands::Clock;
use domain::session::{Event, Session};
use eventlog::{Append, EventLog, Expected, Meta, Position};
use uuid::Uuid;

use super::crew::Member;

/// Events of a command.
pub const EVENTS: u32 = 100;

/// One caller, whose every command fills a stream of its own.
pub struct Filler {
    log: EventLog,
}

impl Filler {
    /// Fills a log.
    pub fn new(log: &EventLog) -> Self {
        Self { log: log.clone() }
    }
}

impl Member for Filler {
    async fn act(&mut self) -> anyhow::Result<Position> {
        let (user, stream, command) = (Uuid::now_v7(), Uuid::now_v7(), Uuid::now_v7());
        let meta = circumstances(user);
        let append = Append::<Session> {
            stream,
            expected: Expected::Version(0),
            events: &events(user),
            secrets: vec![],
            meta: &meta,
            command,
            fingerprint: command.as_bytes().to_vec(),
        };
        Ok(self.log.append(append).await?.last)
    }
}

/// What stands beside the events of a request that is traced.
pub fn circumstances(user: Uuid) -> Meta {
    Meta {
        actor: Some(user),
        subject: Some(user),
        correlation: Some(Uuid::now_v7()),
        credential: Some(Uuid::now_v7()),
        address: Some("192.0.2.1".to_owned().into()),
        traceparent: Some("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".to_owned()),
        ..Meta::default()
    }
}

/// A session that begins in `user`'s browser.
pub fn started(user: Uuid) -> Event {
    let at = Clock::System.now();
    Event::Started {
        user,
        user_agent: Some("Mozilla/5.0 (X11; Linux x86_64)".to_owned().into()),
        address: Some("192.0.2.1".to_owned().into()),
        at,
        expires_at: at,
        idle_seconds: Some(1_209_600),
        is_new_device: false,
    }
}

/// A session that goes on.
pub fn refreshed(generation: u32) -> Event {
    Event::Refreshed { generation, at: Clock::System.now() }
}

fn events(user: Uuid) -> Vec<Event> {
    std::iter::once(started(user)).chain((2..=EVENTS).map(refreshed)).collect()
}
