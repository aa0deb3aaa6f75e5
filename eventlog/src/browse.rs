//! Looking around in the log: its streams, and the events of one type.

use domain::Category;
use uuid::Uuid;

use crate::{EventLog, MAX_BATCH, Position, RawEvent, follow::Row};

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

    /// The events of one type after a position, in any version of its form and wherever they are; `None`
    /// where no event ever had it.
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
        self.shelf.refresh(&self.pool).await?;
        loop {
            let archived = self.shelf.last();
            let mut rows = self.archived_of_types(&types, (after, archived), limit).await?;
            let rest = limit - i64::try_from(rows.len())?;
            rows.extend(self.table_of_types(&types, after.max(archived), rest).await?);
            self.shelf.refresh(&self.pool).await?;
            // Otherwise what was moved to a file in the meantime is in neither.
            if self.shelf.last() == archived {
                return self.raw(rows).await.map(Some);
            }
        }
    }

    async fn table_of_types(
        &self,
        types: &[i32],
        after: Position,
        limit: i64,
    ) -> sqlx::Result<Vec<Row>> {
        sqlx::query_as!(
            Row,
            "select position, stream_id, version, recorded_at, command_id, type_id, bucket, payload, meta, mac
            from log.event where type_id = any($1) and position > $2 order by position limit $3",
            types,
            after,
            limit,
        )
        .fetch_all(&self.pool)
        .await
    }

    /// The archived events of some types between two positions; reads every frame there until it has
    /// enough.
    async fn archived_of_types(
        &self,
        types: &[i32],
        (after, upto): (Position, Position),
        limit: i64,
    ) -> anyhow::Result<Vec<Row>> {
        let (mut found, wanted) = (Vec::new(), usize::try_from(limit)?);
        let mut at = after;
        while at < upto && found.len() < wanted {
            let rows = self.rows(at, MAX_BATCH.min(upto - at)).await?;
            let Some(last) = rows.last().map(|row| row.position) else { break };
            found.extend(rows.into_iter().filter(|row| types.contains(&row.type_id)));
            at = last;
        }
        found.truncate(wanted);
        Ok(found)
    }
}
