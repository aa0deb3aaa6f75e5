//! Looking around in the log: its streams, and the events of one type.

use domain::Category;
use uuid::Uuid;

use crate::{EventLog, Position, RawEvent, follow::Row};

/// A stream, from outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StreamView {
    /// Its id.
    pub id: Uuid,
    /// Its family; none where this program does not know it.
    pub category: Option<Category>,
    /// How many events it holds.
    pub version: i64,
    /// Where its first event stands.
    pub first_position: Position,
    /// Where its last event stands.
    pub last_position: Position,
}

impl EventLog {
    /// Streams in the order of their ids, those after `after`.
    pub async fn streams(
        &self,
        after: Option<Uuid>,
        category: Option<Category>,
        limit: i64,
    ) -> anyhow::Result<Vec<StreamView>> {
        let rows = sqlx::query!(
            "select stream_id, category, version, first_position, last_position from log.stream
            where stream_id > $1 and ($2::smallint is null or category = $2)
            order by stream_id limit $3",
            after.unwrap_or_default(),
            category.map(|category| category as i16),
            limit,
        )
        .fetch_all(&self.pool)
        .await?;
        let views = rows.into_iter().map(|row| StreamView {
            id: row.stream_id,
            category: Category::ALL.into_iter().find(|known| *known as i16 == row.category),
            version: row.version,
            first_position: row.first_position,
            last_position: row.last_position,
        });
        Ok(views.collect())
    }

    /// The events of one type after a position; `None` where no event ever had it. Those that were
    /// moved to archive files are not among them.
    pub async fn of_type(
        &self,
        name: &str,
        after: Position,
        limit: i64,
    ) -> anyhow::Result<Option<Vec<RawEvent>>> {
        let types = sqlx::query_scalar!("select type_id from log.event_type where name = $1", name)
            .fetch_all(&self.pool)
            .await?;
        if types.is_empty() {
            return Ok(None);
        }
        let rows = sqlx::query_as!(
            Row,
            "select position, stream_id, version, recorded_at, command_id, type_id, bucket, payload, meta, mac
            from log.event where type_id = any($1) and position > $2 order by position limit $3",
            &types,
            after,
            limit,
        )
        .fetch_all(&self.pool)
        .await?;
        self.raw(rows).await.map(Some)
    }
}
