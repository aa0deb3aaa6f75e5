//! Reading the log in order, and the promise that nothing is skipped.

use uuid::Uuid;

use crate::{EventLog, Position, RawEvent, Recorded};

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

/// Something that takes events in, batch by batch.
pub trait Subscriber: Send {
    /// Takes a batch of consecutive events in, wholly or not at all.
    fn handle(&mut self, batch: &[Recorded]) -> impl Future<Output = anyhow::Result<()>> + Send;
}

impl EventLog {
    /// The events after a position, at most [`MAX_BATCH`] of them, without a gap.
    pub async fn read(&self, after: Position) -> anyhow::Result<Vec<RawEvent>> {
        self.read_at_most(after, MAX_BATCH).await
    }

    /// The events after a position, at most `limit` of them, without a gap.
    pub async fn read_at_most(&self, after: Position, limit: i64) -> anyhow::Result<Vec<RawEvent>> {
        let rows = sqlx::query!(
            r#"select position, stream_id, version, recorded_at, command_id, type_id, bucket, payload, meta
            from log.event where position > $1 order by position limit $2"#,
            after,
            limit,
        )
        .fetch_all(&self.pool)
        .await?;
        let mut events = Vec::with_capacity(rows.len());
        for row in rows {
            events.push(RawEvent {
                position: row.position,
                stream: row.stream_id,
                version: row.version,
                recorded_at: row.recorded_at,
                command: row.command_id,
                name: self.types.name(&self.pool, row.type_id).await?,
                bucket: row.bucket,
                payload: row.payload.into(),
                meta: row.meta.into(),
            });
        }
        assert_contiguous(after, events.iter().map(|event| event.position))?;
        Ok(events)
    }

    /// All events of one stream.
    pub async fn stream(&self, stream: Uuid) -> anyhow::Result<Vec<RawEvent>> {
        let positions = sqlx::query_scalar!(
            "select position from log.event where stream_id = $1 order by version",
            stream,
        )
        .fetch_all(&self.pool)
        .await?;
        let mut events = Vec::with_capacity(positions.len());
        for position in positions {
            events.extend(self.read_at_most(position - 1, 1).await?);
        }
        Ok(events)
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
