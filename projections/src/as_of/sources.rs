//! Which events a question about a read model takes in.

use std::time::Duration;

use anyhow::ensure;
use eventlog::{MAX_BATCH, Position, RawEvent, Recorded};
use futures_util::{StreamExt, TryStreamExt, stream};
use uuid::Uuid;

use super::{MAX_REPLAY, Unanswered, bounded};
use crate::{Projection, Queries};

/// How long to wait for the index of a person's events.
const PATIENCE: Duration = Duration::from_secs(2);
/// Streams read at once.
const READS: usize = 4;

/// Which part of a read model is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// What follows from the events of one person.
    User(Uuid),
    /// What follows from the events of one stream.
    Stream(Uuid),
    /// All of it.
    Everything,
}

impl Queries {
    /// The events up to a position from which a projection makes the rows that are asked for.
    pub(super) async fn sources(
        &self,
        projection: Projection,
        scope: Scope,
        upto: Position,
    ) -> anyhow::Result<Vec<Recorded>> {
        let raw = match scope {
            Scope::User(user) => self.events_of_user(projection, user, upto).await?,
            Scope::Stream(stream) => {
                let events = self.log().stream(stream).await?;
                ensure!(!events.is_empty(), Unanswered::Unknown);
                events
            }
            Scope::Everything => self.events_of_all(projection, upto).await?,
        };
        let wanted = |event: &RawEvent| event.position <= upto && projection.wants(&event.name);
        let raw: Vec<RawEvent> = raw.into_iter().filter(wanted).collect();
        bounded(raw.len())?;
        let mut events = self.log().decode(raw).await?;
        if let Scope::User(user) = scope {
            events.retain(|event| event.meta.subject == Some(user));
        }
        events.sort_unstable_by_key(|event| event.position);
        Ok(events)
    }

    /// Reads the streams that the audit index names, and nothing else of the log.
    async fn events_of_user(
        &self,
        projection: Projection,
        user: Uuid,
        upto: Position,
    ) -> anyhow::Result<Vec<RawEvent>> {
        ensure!(self.wait_for(upto, PATIENCE).await?, Unanswered::Behind);
        ensure!(self.is_audited(user).await?, Unanswered::Unknown);
        let rows = sqlx::query!(
            r#"select stream_id, action, count(*) as "events!" from audit_view
            where subject_id = $1 and position <= $2 group by stream_id, action"#,
            user,
            upto,
        )
        .fetch_all(self.pool())
        .await?;
        let wanted = rows.iter().filter(|row| projection.wants(&row.action));
        let events: i64 = wanted.clone().map(|row| row.events).sum();
        ensure!(events <= MAX_REPLAY, Unanswered::TooMuch);
        let mut streams: Vec<Uuid> = wanted.map(|row| row.stream_id).collect();
        streams.sort_unstable();
        streams.dedup();
        let reads = stream::iter(streams).map(|stream| self.log().stream(stream)).buffered(READS);
        let events: Vec<Vec<RawEvent>> = reads.try_collect().await?;
        Ok(events.into_iter().flatten().collect())
    }

    async fn events_of_all(
        &self,
        projection: Projection,
        upto: Position,
    ) -> anyhow::Result<Vec<RawEvent>> {
        ensure!(upto <= MAX_REPLAY, Unanswered::TooMuch);
        let (mut events, mut after) = (Vec::new(), 0);
        while after < upto {
            let batch = self.log().read_at_most(after, MAX_BATCH.min(upto - after)).await?;
            let Some(last) = batch.last() else { break };
            after = last.position;
            events.extend(batch.into_iter().filter(|event| projection.wants(&event.name)));
        }
        Ok(events)
    }
}
