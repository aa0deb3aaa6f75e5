//! Reading the log in order, and the promise that nothing is skipped.

use bytes::Bytes;
use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::{EventLog, Position, RawEvent, types::EventType};

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
        self.in_order(after, self.rows(after, limit).await?).await
    }

    /// All events of one stream.
    pub async fn stream(&self, stream: Uuid) -> anyhow::Result<Vec<RawEvent>> {
        let rows = self.stream_of_table(stream).await?;
        let wanted = Wanted { stream, category: None, after: Place::default(), until: i64::MAX };
        self.raw(self.completed(wanted, rows).await?).await
    }

    async fn stream_of_table(&self, stream: Uuid) -> sqlx::Result<Vec<Row>> {
        sqlx::query_as!(
            Row,
            "select position, stream_id, version, recorded_at, command_id, type_id, bucket, payload, meta, mac
            from log.event where stream_id = $1
                and position >= (select first_position from log.stream where stream_id = $1)
                and position <= (select last_position from log.stream where stream_id = $1)
            order by version",
            stream,
        )
        .fetch_all(&self.pool)
        .await
    }

    /// All rows of a stream that are wanted: those that the table gave, and the archived ones before
    /// them.
    pub(crate) async fn completed(
        &self,
        wanted: Wanted,
        rows: Vec<Row>,
    ) -> anyhow::Result<Vec<Row>> {
        let Wanted { stream, category, after, until } = wanted;
        if after.leads_to(&rows) {
            return Ok(rows);
        }
        let head = sqlx::query!(
            "select first_position, last_position from log.stream
            where stream_id = $1 and ($2::smallint is null or category = $2)",
            stream,
            category,
        )
        .fetch_optional(&self.pool)
        .await?;
        let Some(head) = head else { return Ok(rows) };
        let first = head.first_position.max(after.position + 1);
        let mut all = self.archived_stream(stream, first, head.last_position).await?;
        all.retain(|row| row.version > after.version);
        let last = all.last().map_or(0, |row| row.version);
        all.extend(rows.into_iter().filter(|row| row.version > last));
        if !after.leads_to(&all) {
            // Brought back into the table since it was asked; or it is broken, and stays as it is.
            all = self.stream_of_table(stream).await?;
        }
        all.retain(|row| row.version > after.version && row.version <= until);
        Ok(all)
    }

    /// The rows after a position, wherever they are; a gap only where the log has one.
    pub(crate) async fn rows(&self, after: Position, limit: i64) -> anyhow::Result<Vec<Row>> {
        let mut is_second_look = false;
        loop {
            if let Some(rows) = self.archived_rows(after, limit).await? {
                return Ok(rows);
            }
            let rows = self.rows_of_table(after, limit).await?;
            let is_behind = rows.first().is_some_and(|row| row.position > after + 1);
            if !is_behind || is_second_look {
                return Ok(rows);
            }
            // Moved to a file, or back from it, since this process looked.
            self.shelf.refresh(&self.pool).await?;
            is_second_look = true;
        }
    }

    async fn rows_of_table(&self, after: Position, limit: i64) -> sqlx::Result<Vec<Row>> {
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

    /// The events of rows that follow a position one by one.
    pub(crate) async fn in_order(
        &self,
        after: Position,
        rows: Vec<Row>,
    ) -> anyhow::Result<Vec<RawEvent>> {
        assert_contiguous(after, rows.iter().map(|row| row.position))?;
        self.raw(rows).await
    }

    pub(crate) async fn raw(&self, rows: Vec<Row>) -> anyhow::Result<Vec<RawEvent>> {
        let mut events = Vec::with_capacity(rows.len());
        for row in rows {
            let known = self.types.get(&self.pool, row.type_id).await?;
            events.push(row.of_type(known));
        }
        Ok(events)
    }
}

/// A part of a stream, if it is of a category.
pub(crate) struct Wanted {
    pub stream: Uuid,
    pub category: Option<i16>,
    /// The last event that is not wanted.
    pub after: Place,
    pub until: i64,
}

/// An event of a stream; before the first one where both are 0.
#[derive(Clone, Copy, Default)]
pub(crate) struct Place {
    pub version: i64,
    pub position: Position,
}

impl Place {
    /// Whether the event that follows is there; then all that are wanted are.
    pub(crate) fn leads_to(self, rows: &[Row]) -> bool {
        rows.first().is_some_and(|row| row.version == self.version + 1)
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
    pub(crate) fn of_type(self, known: EventType) -> RawEvent {
        RawEvent {
            position: self.position,
            stream: self.stream_id,
            version: self.version,
            recorded_at: self.recorded_at,
            command: self.command_id,
            name: known.name,
            schema_version: known.schema_version,
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
