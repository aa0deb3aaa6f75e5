//! Reading the log in order, and the promise that nothing is skipped.

use std::sync::Arc;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::{EventLog, Position, RawEvent, types::SCHEMA_VERSION};

/// Events read at once at most.
pub const MAX_BATCH: i64 = 1000;

/// A reader saw a position that does not follow the one before: the log or its carrier is broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected position {expected}, found {found}")]
pub struct Gap {
    /// The next position.
    pub expected: Position,
    /// The one that came.
    pub found: Position,
}

impl EventLog {
    /// The events after a position, at most [`MAX_BATCH`] of them, without a gap.
    pub async fn read(&self, after: Position) -> anyhow::Result<Vec<RawEvent>> {
        self.read_at_most(after, MAX_BATCH).await
    }

    /// The events after a position, at most `limit` of them, without a gap.
    pub async fn read_at_most(&self, after: Position, limit: i64) -> anyhow::Result<Vec<RawEvent>> {
        let rows = self.rows(after, limit).await?;
        assert_contiguous(after, rows.iter().map(|row| row.position))?;
        self.raw(rows).await
    }

    /// All events of one stream.
    pub async fn stream(&self, stream: Uuid) -> anyhow::Result<Vec<RawEvent>> {
        let rows = sqlx::query_as!(
            Row,
            "select position, stream_id, version, recorded_at, command_id, type_id, bucket, payload, meta, mac
            from log.event where stream_id = $1
                and position >= (select first_position from log.stream where stream_id = $1)
                and position <= (select last_position from log.stream where stream_id = $1)
            order by version",
            stream,
        )
        .fetch_all(&self.pool)
        .await?;
        self.raw(rows).await
    }

    /// The rows after a position, whatever is missing among them.
    pub(crate) async fn rows(&self, after: Position, limit: i64) -> sqlx::Result<Vec<Row>> {
        sqlx::query_as!(
            Row,
            "select position, stream_id, version, recorded_at, command_id, type_id, bucket, payload, meta, mac
            from log.event where position > $1 order by position limit $2",
            after,
            limit,
        )
        .fetch_all(&self.pool)
        .await
    }

    pub(crate) async fn raw(&self, rows: Vec<Row>) -> anyhow::Result<Vec<RawEvent>> {
        let mut events = Vec::with_capacity(rows.len());
        for row in rows {
            let name = self.types.name(&self.pool, row.type_id).await?;
            events.push(row.named(name));
        }
        Ok(events)
    }
}

/// An event as the table holds it.
pub(crate) struct Row {
    pub position: Position,
    pub stream_id: Uuid,
    pub version: i64,
    pub recorded_at: DateTime<Utc>,
    pub command_id: Uuid,
    pub type_id: i32,
    pub bucket: i16,
    pub payload: Bytes,
    pub meta: Bytes,
    pub mac: Bytes,
}

impl Row {
    pub(crate) fn named(self, name: Arc<str>) -> RawEvent {
        RawEvent {
            position: self.position,
            stream: self.stream_id,
            version: self.version,
            recorded_at: self.recorded_at,
            command: self.command_id,
            name,
            schema_version: SCHEMA_VERSION,
            bucket: self.bucket,
            payload: self.payload,
            meta: self.meta,
        }
    }
}

/// Checks that positions follow `after` one by one.
pub(crate) fn assert_contiguous(
    after: Position,
    positions: impl Iterator<Item = Position>,
) -> Result<(), Gap> {
    let mismatch = (after + 1..).zip(positions).find(|(expected, found)| expected != found);
    mismatch.map_or(Ok(()), |(expected, found)| Err(Gap { expected, found }))
}
