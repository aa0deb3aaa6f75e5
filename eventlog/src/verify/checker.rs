//! What an event must be after those before it.

use std::collections::HashMap;

use aws_lc_rs::digest::{Context, SHA256};
use chrono::{DateTime, Utc};
use domain::Category;
use uuid::Uuid;

use super::{Fault, Verification, fault::fault_at, seals::Seals};
use crate::{
    Gap, Position, RawEvent,
    encode::{EventId, bucket},
    hex::hex,
};

/// Where the events of a stream are.
#[derive(Clone, Copy)]
pub(super) struct Extent {
    pub category: Option<Category>,
    pub version: i64,
    pub first: Position,
    pub last: Position,
}

pub(super) struct Checker {
    digest: Context,
    streams: HashMap<Uuid, Extent>,
    /// How far everything is right.
    pub position: Position,
    recorded_at: DateTime<Utc>,
    command: Uuid,
    ordinal: u32,
    /// The first event whose MAC this log has the key of.
    pub mac_from: Position,
}

impl Checker {
    pub(super) fn new(mac_from: Position) -> Self {
        Self {
            mac_from,
            digest: Context::new(&SHA256),
            streams: HashMap::new(),
            position: 0,
            recorded_at: DateTime::UNIX_EPOCH,
            command: Uuid::nil(),
            ordinal: 0,
        }
    }

    /// Whether an event stands where it belongs.
    pub(super) fn check(&self, event: &RawEvent) -> Option<Fault> {
        let position = self.position + 1;
        if event.position != position {
            let gap = Gap { expected: position, found: event.position };
            return Some(fault_at(position, gap.to_string()));
        }
        let version = self.streams.get(&event.stream).map_or(0, |stream| stream.version) + 1;
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
    pub(super) fn event_id(&self, event: &RawEvent) -> EventId {
        let ordinal = if event.command == self.command { self.ordinal + 1 } else { 0 };
        let RawEvent { stream, command, schema_version, .. } = *event;
        EventId { stream, command, ordinal, schema_version }
    }

    pub(super) fn accept(&mut self, event: &RawEvent) {
        self.ordinal = self.event_id(event).ordinal;
        self.command = event.command;
        self.digest.update(&event.payload);
        self.digest.update(&event.meta);
        let (version, last) = (event.version, event.position);
        self.streams
            .entry(event.stream)
            .and_modify(|stream| (stream.version, stream.last) = (version, last))
            .or_insert_with(|| Extent {
                category: Category::of_event(&event.name),
                version,
                first: event.position,
                last,
            });
        self.position = event.position;
        self.recorded_at = event.recorded_at;
    }

    pub(super) fn extents(&self) -> (&HashMap<Uuid, Extent>, Position) {
        (&self.streams, self.position)
    }

    pub(super) fn finish(self, seals: Seals<'_>, fault: Option<Fault>) -> Verification {
        Verification {
            events: self.position,
            streams: self.streams.len(),
            digest: hex(self.digest.finish().as_ref()),
            sealed: seals.sealed(),
            heads: seals.heads,
            head: seals.newest,
            fault,
        }
    }
}
