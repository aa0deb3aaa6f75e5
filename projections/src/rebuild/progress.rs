//! How far rebuilds have come: told to whoever started one, and kept where every process finds it.

use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use eventlog::{EventLog, Position};
use serde::Serialize;
use sqlx::{PgConnection, PgPool};

use super::{Slot, schema};
use crate::Projection;

/// How often progress is kept.
const EVERY: Duration = Duration::from_millis(500);

/// How far a rebuild has come.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Progress {
    /// The last position taken in.
    pub position: Position,
    /// The position to come to, as far as is known.
    pub target: Position,
    /// Events per second so far.
    pub per_second: f64,
    /// Time left at this rate.
    pub left: Duration,
}

/// The last rebuild of a projection.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RebuildStatus {
    /// The projection.
    #[serde(skip)]
    pub projection: String,
    /// `running`, `interrupted`, `done` or `failed`.
    pub state: String,
    /// What it does, or did last: `filling`, `indexing`, `comparing`.
    pub phase: String,
    /// The last position taken in.
    pub position: Position,
    /// The position to come to, as far as is known.
    pub target: Position,
    /// Events per second.
    pub events_per_second: f64,
    /// Seconds left at this rate.
    pub seconds_left: f64,
    /// When it began.
    pub started_at: DateTime<Utc>,
    /// When it was last heard of.
    pub updated_at: DateTime<Utc>,
    /// Why it failed.
    pub error: Option<String>,
}

/// The last rebuild of each projection that ever had one.
pub(crate) async fn statuses(pool: &PgPool) -> sqlx::Result<Vec<RebuildStatus>> {
    // A rebuild that runs holds its lock; one whose process is gone does not.
    sqlx::query_as!(
        RebuildStatus,
        r#"select projection, phase, position, target, events_per_second, seconds_left, started_at,
            updated_at, error, case when state = 'running' and not exists (
                select from pg_locks l where l.locktype = 'advisory' and l.objsubid = 1
                    and l.database = (select oid from pg_database where datname = current_database())
                    and (l.classid::bigint << 32 | l.objid::bigint)
                        = hashtextextended('next_' || projection, 0)
            ) then 'interrupted' else state end as "state!"
        from read.rebuild"#,
    )
    .fetch_all(pool)
    .await
}

/// A rebuild begins.
pub(super) async fn start(db: &mut PgConnection, projection: Projection) -> sqlx::Result<()> {
    debug_assert!(schema(projection, Slot::Next).starts_with("next_"));
    sqlx::query!(
        "insert into read.rebuild (projection, state, phase, position, target, events_per_second,
            seconds_left, started_at, updated_at)
        values ($1, 'running', 'filling', 0, 0, 0, 0, clock_timestamp(), clock_timestamp())
        on conflict (projection) do update set state = 'running', phase = 'filling', position = 0,
            target = 0, events_per_second = 0, seconds_left = 0, error = null,
            started_at = excluded.started_at, updated_at = excluded.updated_at",
        projection.name(),
    )
    .execute(db)
    .await?;
    Ok(())
}

/// A rebuild has ended, well or with an error.
pub(super) async fn end(
    pool: &PgPool,
    projection: Projection,
    error: Option<&str>,
) -> sqlx::Result<()> {
    sqlx::query!(
        "update read.rebuild set state = case when $2::text is null then 'done' else 'failed' end,
            error = $2, seconds_left = 0, updated_at = clock_timestamp()
        where projection = $1",
        projection.name(),
        error,
    )
    .execute(pool)
    .await?;
    Ok(())
}

/// Tells how far a rebuild has come.
pub(super) struct Reporter<F> {
    log: EventLog,
    projection: Projection,
    began: Instant,
    kept: Instant,
    tell: F,
}

impl<F: FnMut(Progress)> Reporter<F> {
    pub(super) fn new(log: EventLog, projection: Projection, tell: F) -> Self {
        let now = Instant::now();
        Self { log, projection, began: now, kept: now, tell }
    }

    #[expect(clippy::cast_precision_loss, reason = "an estimate")]
    pub(super) async fn report(&mut self, position: Position, target: Position) {
        let seconds = self.began.elapsed().as_secs_f64().max(0.001);
        let per_second = position as f64 / seconds;
        let left = (target - position).max(0) as f64 / per_second.max(0.001);
        let left = Duration::try_from_secs_f64(left).unwrap_or(Duration::MAX);
        let progress = Progress { position, target, per_second, left };
        (self.tell)(progress);
        if self.kept.elapsed() >= EVERY {
            self.kept = Instant::now();
            self.keep(progress).await;
        }
    }

    /// Something else than filling begins.
    pub(super) async fn phase(&mut self, phase: &'static str) {
        let kept = sqlx::query!(
            "update read.rebuild set phase = $2, updated_at = clock_timestamp()
            where projection = $1",
            self.projection.name(),
            phase,
        )
        .execute(self.log.pool())
        .await;
        warn(self.projection, kept);
    }

    async fn keep(&self, progress: Progress) {
        let kept = sqlx::query!(
            "update read.rebuild set position = $2, target = $3, events_per_second = $4,
                seconds_left = $5, updated_at = clock_timestamp()
            where projection = $1",
            self.projection.name(),
            progress.position,
            progress.target,
            progress.per_second,
            progress.left.as_secs_f64(),
        )
        .execute(self.log.pool())
        .await;
        warn(self.projection, kept);
    }
}

/// A rebuild goes on although nobody can see how far it is.
fn warn<T>(projection: Projection, kept: sqlx::Result<T>) {
    if let Err(error) = kept {
        tracing::warn!(projection = projection.name(), %error, "progress is not kept");
    }
}
