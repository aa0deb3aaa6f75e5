//! Reading the whole log and checking what must be true of it.

use std::collections::HashMap;

use aws_lc_rs::digest::{Context, SHA256};
use chrono::{DateTime, Utc};
use serde::Serialize;
use uuid::Uuid;

use crate::{
    EventLog, Gap, MAX_BATCH, Position, RawEvent, Unreadable,
    encode::{EventId, bucket},
    follow::Row,
};

/// What a check of the whole log found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Verification {
    /// How many events there are.
    pub events: i64,
    /// How many streams.
    pub streams: usize,
    /// SHA-256 over all payloads and metas in order, in hex.
    pub digest: String,
    /// The first thing that is wrong.
    pub fault: Option<Fault>,
}

/// Something that is wrong with the log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Fault {
    /// Where.
    pub position: Position,
    /// What.
    pub detail: String,
}

impl EventLog {
    /// Reads every event and checks that it stands where it was written and is what was written:
    /// positions, versions, times, its MAC, and that it can be decoded.
    pub async fn verify(&self, mut progress: impl FnMut(Position)) -> anyhow::Result<Verification> {
        let head = self.head().await?;
        let mut checker = Checker::new(self.mac_from().await?);
        let fault = loop {
            let rows = match self.rows(checker.position, MAX_BATCH).await {
                Ok(rows) => rows,
                Err(error) => break Some(unreadable(error)?),
            };
            if rows.is_empty() {
                break None;
            }
            let fault = self.check(&mut checker, rows).await?;
            if fault.is_some() {
                break fault;
            }
            progress(checker.position);
        };
        let is_short = fault.is_none() && checker.position < head;
        let missing = || fault_at(checker.position + 1, format!("missing; the head is {head}"));
        let fault = fault.or_else(|| is_short.then(missing));
        Ok(checker.finish(fault))
    }

    /// The first event whose MAC this log has the key of.
    async fn mac_from(&self) -> sqlx::Result<Position> {
        sqlx::query_scalar!("select mac_from from log.layout where log_id = 1")
            .fetch_one(&self.pool)
            .await
    }

    /// Checks one batch and returns the first fault in it.
    async fn check(&self, checker: &mut Checker, rows: Vec<Row>) -> anyhow::Result<Option<Fault>> {
        let mut good = Vec::with_capacity(rows.len());
        let mut fault = None;
        for row in rows {
            let position = row.position;
            let Ok(name) = self.types.name(&self.pool, row.type_id).await else {
                self.head().await?;
                fault = Some(fault_at(position, format!("no event type {}", row.type_id)));
                break;
            };
            let mac = row.mac.clone();
            let event = row.named(name);
            fault = checker.check(&event).or_else(|| {
                let id = checker.event_id(&event);
                let is_intact = self.mac(&id, &event.name, &event.payload, &event.meta)[..] == mac;
                (!is_intact && event.position >= checker.mac_from)
                    .then(|| fault_at(position, "not what was written"))
            });
            if fault.is_some() {
                break;
            }
            checker.accept(&event);
            good.push(event);
        }
        // What cannot be decoded stands before what is wrong otherwise.
        Ok(self.undecodable(good).await?.or(fault))
    }

    /// The first event that cannot be decoded.
    async fn undecodable(&self, events: Vec<RawEvent>) -> anyhow::Result<Option<Fault>> {
        if self.decode(events.clone()).await.is_ok() {
            return Ok(None);
        }
        // A database that is away is no fault of the log.
        self.head().await?;
        for event in events {
            let position = event.position;
            if let Err(error) = self.decode(vec![event]).await {
                return Ok(Some(fault_at(position, format!("{error:#}"))));
            }
        }
        Ok(None)
    }
}

struct Checker {
    digest: Context,
    versions: HashMap<Uuid, i64>,
    /// How far everything is right.
    position: Position,
    recorded_at: DateTime<Utc>,
    command: Uuid,
    ordinal: u32,
    mac_from: Position,
}

impl Checker {
    fn new(mac_from: Position) -> Self {
        Self {
            mac_from,
            digest: Context::new(&SHA256),
            versions: HashMap::new(),
            position: 0,
            recorded_at: DateTime::UNIX_EPOCH,
            command: Uuid::nil(),
            ordinal: 0,
        }
    }

    /// Whether an event stands where it belongs.
    fn check(&self, event: &RawEvent) -> Option<Fault> {
        let position = self.position + 1;
        if event.position != position {
            let gap = Gap { expected: position, found: event.position };
            return Some(fault_at(position, gap.to_string()));
        }
        let version = self.versions.get(&event.stream).unwrap_or(&0) + 1;
        if event.version != version {
            let detail = format!("version {} of its stream where {version} follows", event.version);
            return Some(fault_at(position, detail));
        }
        if event.recorded_at < self.recorded_at {
            return Some(fault_at(position, "recorded before the event in front of it"));
        }
        (event.bucket != bucket(event.stream)).then(|| fault_at(position, "in the wrong bucket"))
    }

    /// What the event was known by when it was written.
    fn event_id(&self, event: &RawEvent) -> EventId {
        let ordinal = if event.command == self.command { self.ordinal + 1 } else { 0 };
        EventId { stream: event.stream, command: event.command, ordinal }
    }

    fn accept(&mut self, event: &RawEvent) {
        self.ordinal = self.event_id(event).ordinal;
        self.command = event.command;
        self.digest.update(&event.payload);
        self.digest.update(&event.meta);
        self.versions.insert(event.stream, event.version);
        self.position = event.position;
        self.recorded_at = event.recorded_at;
    }

    fn finish(self, fault: Option<Fault>) -> Verification {
        let digest = hex(self.digest.finish().as_ref());
        Verification { events: self.position, streams: self.versions.len(), digest, fault }
    }
}

/// An archive file that cannot be read is a fault of the log; anything else is an error.
fn unreadable(error: anyhow::Error) -> anyhow::Result<Fault> {
    let unreadable: Unreadable = error.downcast()?;
    Ok(fault_at(unreadable.position, unreadable.to_string()))
}

fn fault_at(position: Position, detail: impl Into<String>) -> Fault {
    Fault { position, detail: detail.into() }
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;

    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
