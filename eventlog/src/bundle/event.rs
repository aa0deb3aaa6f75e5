//! An event in JSON, byte for byte what is stored.

use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{Digest, Position, RawEvent};

/// An event in JSON, byte for byte what is stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BundledEvent {
    /// Its place in the log.
    pub position: Position,
    /// Its stream.
    pub stream: Uuid,
    /// Its place in the stream, from 1.
    pub version: i64,
    /// When it was committed.
    pub recorded_at: DateTime<Utc>,
    /// The command that caused it.
    pub command: Uuid,
    /// Its stored name.
    pub r#type: String,
    /// The version of its stored form.
    pub schema_version: i16,
    /// Its stored form; personal fields are sealed.
    pub payload: Exact,
    /// Who, about whom, as part of what, as it is stored.
    pub meta: Exact,
    /// The digest of its leaf, for whoever looks for the event that was changed.
    pub leaf: Digest,
}

/// Bytes: as text where they are text, so that people can read them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Exact {
    /// UTF-8.
    Text(String),
    /// Anything else.
    Binary {
        /// The bytes.
        base64: String,
    },
}

impl From<&[u8]> for Exact {
    fn from(bytes: &[u8]) -> Self {
        match str::from_utf8(bytes) {
            Ok(text) => Self::Text(text.to_owned()),
            Err(_) => Self::Binary { base64: STANDARD.encode(bytes) },
        }
    }
}

impl Exact {
    fn bytes(&self) -> anyhow::Result<Bytes> {
        Ok(match self {
            Self::Text(text) => Bytes::copy_from_slice(text.as_bytes()),
            Self::Binary { base64 } => STANDARD.decode(base64)?.into(),
        })
    }
}

impl From<&RawEvent> for BundledEvent {
    fn from(event: &RawEvent) -> Self {
        Self {
            position: event.position,
            stream: event.stream,
            version: event.version,
            recorded_at: event.recorded_at,
            command: event.command,
            r#type: event.name.to_string(),
            schema_version: event.schema_version,
            payload: Exact::from(&event.payload[..]),
            meta: Exact::from(&event.meta[..]),
            leaf: event.leaf_digest(),
        }
    }
}

impl BundledEvent {
    /// The digest of the leaf that the event itself gives.
    pub fn leaf_digest(&self) -> anyhow::Result<Digest> {
        let raw = RawEvent {
            position: self.position,
            stream: self.stream,
            version: self.version,
            recorded_at: self.recorded_at,
            command: self.command,
            name: self.r#type.as_str().into(),
            schema_version: self.schema_version,
            bucket: 0,
            payload: self.payload.bytes()?,
            meta: self.meta.bytes()?,
        };
        Ok(raw.leaf_digest())
    }
}
