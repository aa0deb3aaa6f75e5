//! How far a projection has come, and taking it further by one batch.

use std::time::Instant;

use anyhow::{Context, ensure};
use eventlog::{EventLog, Position, Recorded};
use sqlx::{PgConnection, PgPool};

use crate::{Projection, freshness};

/// A projection's place in the log, as its tables show it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    projection: Projection,
    position: Position,
    fence: i64,
}

/// A projection shows what the log does not hold: one of them was restored without the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "projection {projection} stands at {checkpoint} of epoch {epoch}, the log at {head} of epoch \
    {head_epoch}; rebuild the projection"
)]
pub struct Refused {
    /// The projection's name.
    pub projection: &'static str,
    /// Where it stands.
    pub checkpoint: Position,
    /// In which epoch it came there.
    pub epoch: i64,
    /// Where the log ends.
    pub head: Position,
    /// The epoch of the log.
    pub head_epoch: i64,
}

/// A projection's row beside the head of the log.
pub(crate) struct Standing {
    pub checkpoint: Position,
    pub epoch: i64,
    pub fence: i64,
    pub head: Position,
    pub head_epoch: i64,
}

impl Standing {
    /// Reads both in one snapshot.
    pub(crate) async fn read(db: &mut PgConnection, projection: Projection) -> sqlx::Result<Self> {
        sqlx::query_as!(
            Self,
            "select p.checkpoint, p.epoch, p.fence, h.position as head, h.epoch as head_epoch
            from read.projection p cross join log.head h where p.name = $1 and h.log_id = 1",
            projection.name(),
        )
        .fetch_one(db)
        .await
    }

    /// Whether the log holds all that the projection shows.
    pub(crate) fn is_of_this_log(&self) -> bool {
        self.epoch == self.head_epoch && self.checkpoint <= self.head
    }
}

/// Gives a projection that never ran its place at the beginning of the log.
pub(crate) async fn ensure_row(pool: &PgPool, projection: Projection) -> sqlx::Result<()> {
    sqlx::query!(
        "insert into read.projection (name, checkpoint, epoch, fence, updated_at)
        select $1, 0, epoch, 0, clock_timestamp() from log.head where log_id = 1
        on conflict (name) do nothing",
        projection.name(),
    )
    .execute(pool)
    .await?;
    Ok(())
}

impl Checkpoint {
    /// Finds out where a projection stands; [`Refused`] where the log cannot have led there.
    pub async fn read(pool: &PgPool, projection: Projection) -> anyhow::Result<Self> {
        ensure_row(pool, projection).await?;
        let mut db = pool.acquire().await?;
        let standing = Standing::read(&mut db, projection).await?;
        let Standing { checkpoint, epoch, fence, head, head_epoch } = standing;
        let refused =
            Refused { projection: projection.name(), checkpoint, epoch, head, head_epoch };
        ensure!(standing.is_of_this_log(), refused);
        Ok(Self { projection, position: checkpoint, fence })
    }

    /// The same, and from now on only the holder of this fence or of a later one writes.
    pub async fn take(pool: &PgPool, projection: Projection, fence: i64) -> anyhow::Result<Self> {
        ensure_row(pool, projection).await?;
        let taken = sqlx::query!(
            "update read.projection set fence = $2 where name = $1 and fence <= $2",
            projection.name(),
            fence,
        )
        .execute(pool)
        .await?;
        ensure!(taken.rows_affected() == 1, "a later leader than {fence} writes");
        let checkpoint = Self::read(pool, projection).await?;
        Ok(Self { fence, ..checkpoint })
    }

    /// The last position that the tables show.
    #[must_use]
    pub fn position(&self) -> Position {
        self.position
    }

    /// Takes in the events that follow, wholly or not at all; false when somebody else has moved
    /// the projection, and nothing was written.
    pub async fn apply(&mut self, log: &EventLog, events: &[Recorded]) -> anyhow::Result<bool> {
        let (Some(first), Some(last)) = (events.first(), events.last()) else { return Ok(true) };
        ensure!(first.position == self.position + 1, "events do not follow {}", self.position);
        let began = Instant::now();
        let mut transaction = log.pool().begin().await?;
        // What a crash of the database loses comes again. Rows are found by their keys, also with a
        // plan that was made when the table was small.
        sqlx::query!(
            "select set_config('synchronous_commit', 'off', true) as synchronous_commit,
                set_config('enable_seqscan', 'off', true) as enable_seqscan"
        )
        .fetch_one(&mut *transaction)
        .await?;
        let Some(age) = self.advance(&mut transaction, last).await? else { return Ok(false) };
        self.projection.apply(&mut transaction, events).await?;
        transaction.commit().await.context("committing a batch")?;
        self.position = last.position;
        self.measure(events.len(), age + began.elapsed().as_secs_f64());
        freshness::announce(log, self.projection, self.position).await;
        Ok(true)
    }

    /// Moves the row on and keeps it locked; answers the age of the event it now stands at, or
    /// nothing when it stood elsewhere.
    async fn advance(&self, db: &mut PgConnection, last: &Recorded) -> sqlx::Result<Option<f64>> {
        sqlx::query_scalar!(
            r#"update read.projection set checkpoint = $1, updated_at = clock_timestamp()
            where name = $2 and checkpoint = $3 and fence = $4
            returning extract(epoch from updated_at - $5)::float8 as "age!""#,
            last.position,
            self.projection.name(),
            self.position,
            self.fence,
            last.recorded_at,
        )
        .fetch_optional(db)
        .await
    }

    #[expect(clippy::cast_precision_loss, reason = "a gauge may be off by one in 2^53")]
    fn measure(&self, events: usize, lag: f64) {
        let name = self.projection.name();
        metrics::gauge!("annals_projection_checkpoint", "projection" => name)
            .set(self.position as f64);
        metrics::counter!("annals_projection_events_total", "projection" => name)
            .increment(events as u64);
        metrics::histogram!("annals_projection_lag_seconds", "projection" => name).record(lag);
    }
}
