//! Loading one stream: its state and how far it has come.

use std::sync::Arc;

use anyhow::Context;
use domain::{Aggregate, decode, with_seal};
use uuid::Uuid;

use crate::{
    EventLog, Meta, Position,
    follow::{Row, Wanted},
    keys::SubjectKey,
};

/// A stream, folded into its state.
pub struct Loaded<A> {
    /// What is true.
    pub state: A,
    /// How many events it holds.
    pub version: i64,
    /// Where the last one stands; 0 for an empty stream.
    pub position: Position,
}

impl EventLog {
    /// Reads a stream from its first event; an empty one is the initial state, and so is one of
    /// another category: whose id it is tells nobody anything.
    pub async fn load<A: Aggregate>(&self, stream: Uuid) -> anyhow::Result<Loaded<A>> {
        self.load_until(stream, i64::MAX).await
    }

    /// Reads a stream as it was when it held `version` events.
    pub async fn load_until<A: Aggregate>(
        &self,
        stream: Uuid,
        version: i64,
    ) -> anyhow::Result<Loaded<A>> {
        let rows = sqlx::query_as!(
            Row,
            "select position, stream_id, version, recorded_at, command_id, type_id, bucket, payload, meta, mac
            from log.event where stream_id = $1
                and position >= (select first_position from log.stream where stream_id = $1 and category = $2)
                and position <= (select last_position from log.stream where stream_id = $1 and category = $2)
                and version <= $3
            order by version",
            stream,
            A::CATEGORY as i16,
            version,
        )
        .fetch_all(&self.pool)
        .await?;
        let wanted = Wanted { stream, category: Some(A::CATEGORY as i16), until: version };
        let rows = self.completed(wanted, rows).await?;
        let metas: Vec<Meta> =
            rows.iter().map(|row| serde_json::from_slice(&row.meta)).collect::<Result<_, _>>()?;
        let keys = self.keys.for_reading(metas.iter().filter_map(|meta| meta.subject)).await?;
        let none = SubjectKey::none();
        let mut loaded = Loaded { state: A::default(), version: 0, position: 0 };
        for (row, meta) in rows.iter().zip(&metas) {
            let key = meta.subject.and_then(|subject| keys.get(&subject)).unwrap_or(&none);
            let known = self.types.get(&self.pool, row.type_id).await?;
            let event: A::Event = with_seal(Arc::clone(key) as _, stream, || {
                decode(&known.name, known.schema_version, &row.payload)
            })
            .with_context(|| format!("decoding position {}", row.position))?;
            loaded.state.evolve(&event);
            loaded.version = row.version;
            loaded.position = row.position;
        }
        Ok(loaded)
    }
}
