//! Events as readers get them: raw bytes, or decoded.

use std::sync::Arc;

use anyhow::Context;
use bytes::Bytes;
use chrono::{DateTime, Utc};
use domain::{Event, UnknownEvent, with_seal};
use uuid::Uuid;

use crate::{EventLog, Meta, Position, keys::SubjectKey};

/// An event as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RawEvent {
    /// Its place in the log.
    pub position: Position,
    /// Its stream.
    pub stream: Uuid,
    /// Its place in the stream, from 1.
    pub version: i64,
    /// When it was committed; never goes back.
    pub recorded_at: DateTime<Utc>,
    /// The command that caused it.
    pub command: Uuid,
    /// Its stored name.
    pub name: Arc<str>,
    /// The version of its stored form.
    pub schema_version: i16,
    /// The part of 0 to 255 that its stream falls in.
    pub bucket: i16,
    /// Its stored form.
    pub payload: Bytes,
    /// The stored form of its [`Meta`].
    pub meta: Bytes,
}

/// An event, decoded.
#[derive(Clone, Debug, PartialEq)]
pub struct Recorded {
    /// Its place in the log.
    pub position: Position,
    /// Its stream.
    pub stream: Uuid,
    /// Its place in the stream, from 1.
    pub version: i64,
    /// When it was committed; never goes back.
    pub recorded_at: DateTime<Utc>,
    /// The command that caused it.
    pub command: Uuid,
    /// Its stored name.
    pub name: Arc<str>,
    /// Who, about whom, as part of what.
    pub meta: Meta,
    /// What happened.
    pub event: Event,
}

impl EventLog {
    /// Opens and decodes events, fetching the keys it lacks in one call.
    pub async fn decode(&self, raw: Vec<RawEvent>) -> anyhow::Result<Vec<Recorded>> {
        let metas: Vec<Meta> = raw
            .iter()
            .map(|event| {
                serde_json::from_slice(&event.meta)
                    .with_context(|| format!("decoding the meta of position {}", event.position))
            })
            .collect::<anyhow::Result<_>>()?;
        self.forget_erased(&raw);
        let keys = self.keys.for_reading(metas.iter().filter_map(|meta| meta.subject)).await?;
        let none = SubjectKey::none();
        raw.into_iter()
            .zip(metas)
            .map(|(raw, meta)| {
                let key = meta.subject.and_then(|subject| keys.get(&subject)).unwrap_or(&none);
                raw.decode(meta, Arc::clone(key))
            })
            .collect()
    }
}

impl RawEvent {
    fn event(&self) -> Result<Event, UnknownEvent> {
        Event::decode(&self.name, self.schema_version, &self.payload)
    }

    fn decode(self, meta: Meta, key: Arc<SubjectKey>) -> anyhow::Result<Recorded> {
        let event = with_seal(key, self.stream, || self.event())
            .with_context(|| format!("decoding position {}", self.position))?;
        Ok(Recorded {
            position: self.position,
            stream: self.stream,
            version: self.version,
            recorded_at: self.recorded_at,
            command: self.command,
            name: self.name,
            meta,
            event,
        })
    }
}
