//! Reading the whole log and checking what must be true of it.

use std::collections::HashMap;

use aws_lc_rs::digest::{Context, SHA256};
use serde::Serialize;
use uuid::Uuid;

use crate::{EventLog, Gap, Position, RawEvent};

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
    /// Reads every event and checks positions, versions, times and that each can be decoded.
    pub async fn verify(&self, mut progress: impl FnMut(Position)) -> anyhow::Result<Verification> {
        let mut checker = Checker::new();
        let head = self.head().await?;
        let mut after = 0;
        let fault = loop {
            let batch = match self.read(after).await {
                Ok(batch) => batch,
                Err(error) => match error.downcast_ref::<Gap>() {
                    Some(gap) => break Some(fault(gap.expected, gap.to_string())),
                    None => return Err(error),
                },
            };
            let Some(last) = batch.last().map(|event| event.position) else { break None };
            if let Some(fault) = batch.iter().find_map(|event| checker.check(event)) {
                break Some(fault);
            }
            if let Err(error) = self.decode(batch).await {
                break Some(fault(after + 1, format!("{error:#}")));
            }
            after = last;
            progress(after);
        };
        let fault = fault.or_else(|| {
            (after < head).then(|| self::fault(after + 1, format!("missing; the head is {head}")))
        });
        Ok(checker.finish(after, fault))
    }
}

struct Checker {
    digest: Context,
    versions: HashMap<Uuid, i64>,
    recorded_at: chrono::DateTime<chrono::Utc>,
}

impl Checker {
    fn new() -> Self {
        Self {
            digest: Context::new(&SHA256),
            versions: HashMap::new(),
            recorded_at: chrono::DateTime::UNIX_EPOCH,
        }
    }

    fn check(&mut self, event: &RawEvent) -> Option<Fault> {
        self.digest.update(&event.payload);
        self.digest.update(&event.meta);
        let version = self.versions.entry(event.stream).or_default();
        *version += 1;
        if event.version != *version {
            let detail = format!("version {} of its stream where {version} follows", event.version);
            return Some(fault(event.position, detail));
        }
        if event.recorded_at < self.recorded_at {
            return Some(fault(event.position, "recorded before the event in front of it"));
        }
        self.recorded_at = event.recorded_at;
        None
    }

    fn finish(self, events: i64, fault: Option<Fault>) -> Verification {
        let digest = self.digest.finish();
        let digest = hex(digest.as_ref());
        Verification { events, streams: self.versions.len(), digest, fault }
    }
}

fn fault(position: Position, detail: impl Into<String>) -> Fault {
    Fault { position, detail: detail.into() }
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;

    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
