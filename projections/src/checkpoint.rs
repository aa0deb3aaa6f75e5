//! How far a projection has come, and taking it further by one batch.

use std::time::Instant;

use anyhow::{Context, ensure};
use chrono::{DateTime, Utc};
use eventlog::{EventLog, Position, RawEvent};
use sqlx::{Connection, PgConnection, PgPool};

use crate::{
    Projection,
    batch::Batch,
    erasures::ERASED,
    freshness,
    pace::Pace,
    parking::{self, Parked},
    rebuild,
};

/// A projection's place in the log, as its tables show it.
#[derive(Clone, Debug, PartialEq)]
pub struct Checkpoint {
    pub(crate) projection: Projection,
    pub(crate) position: Position,
    pub(crate) fence: i64,
    parked: Parked,
    pace: Pace,
}

/// What the row of a projection said when it was moved on.
pub(crate) struct Advance {
    /// Changes with its parked streams.
    pub parking: i64,
    /// The age of the event at which it now stands, in seconds.
    pub age: f64,
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

/// Somebody else writes the projection from now on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a later leader than {0} writes")]
pub(crate) struct Deposed(pub i64);

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

    /// How far another version has to come to be as good: as far as this one, if the log can have led
    /// there.
    pub(crate) fn target(&self) -> Position {
        if self.is_of_this_log() { self.checkpoint } else { self.head }
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

/// From now on only the holder of this fence or of a later one writes; false when there is one.
pub(crate) async fn take_all(pool: &PgPool, fence: i64) -> anyhow::Result<bool> {
    for projection in Projection::ALL {
        ensure_row(pool, projection).await?;
    }
    let names = Projection::ALL.map(|projection| projection.name().to_owned());
    let taken = sqlx::query!(
        "update read.projection set fence = $2 where name = any($1) and fence <= $2",
        &names,
        fence,
    )
    .execute(pool)
    .await?;
    Ok(taken.rows_affected() == names.len() as u64)
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
        Ok(Self {
            projection,
            position: checkpoint,
            fence,
            parked: Parked::default(),
            pace: Pace::default(),
        })
    }

    pub(crate) fn name(&self) -> &'static str {
        self.projection.name()
    }

    /// The last position that the tables show.
    #[must_use]
    pub fn position(&self) -> Position {
        self.position
    }

    /// Takes in the events that follow, wholly or not at all; false when somebody else has moved
    /// the projection, and nothing was written.
    pub async fn apply(
        &mut self,
        db: &mut PgConnection,
        log: &EventLog,
        events: Vec<RawEvent>,
    ) -> anyhow::Result<bool> {
        let (Some(first), count) = (events.first(), events.len()) else { return Ok(true) };
        ensure!(first.position == self.position + 1, "events do not follow {}", self.position);
        let batch = Batch::decode(log, events, |name| self.projection.wants(name)).await?;
        let Some(batch) = batch else { return Ok(true) };
        let began = Instant::now();
        let mut transaction = db.begin().await?;
        let end = (batch.last, batch.recorded_at);
        let Some(advance) = self.advance(&mut transaction, end).await? else { return Ok(false) };
        self.write(&mut transaction, &batch, advance.parking).await?;
        transaction.commit().await.context("committing a batch")?;
        self.position = batch.last;
        self.pace.count(count);
        self.measure(count, advance.age + began.elapsed().as_secs_f64());
        freshness::announce(log, &[self.projection], self.position).await;
        Ok(true)
    }

    /// Leaves out the stream of the next event, which failed so often with this error; false when
    /// somebody else has moved the projection.
    pub(crate) async fn park(
        &mut self,
        db: &mut PgConnection,
        log: &EventLog,
        event: RawEvent,
        (error, attempts): (&anyhow::Error, i32),
    ) -> anyhow::Result<bool> {
        let (position, end) = (event.position, (event.position, event.recorded_at));
        let stream = event.stream;
        // What cannot be decoded bears on its own stream for all that can be told.
        let decoded = log.decode(vec![event]).await.unwrap_or_default();
        let key = decoded.first().and_then(|event| self.projection.key(event)).unwrap_or(stream);
        let mut transaction = db.begin().await?;
        if self.advance(&mut transaction, end).await?.is_none() {
            return Ok(false);
        }
        let parked = (key, position);
        parking::park(&mut transaction, self.projection, parked, (error, attempts)).await?;
        transaction.commit().await.context("parking a stream")?;
        self.position = position;
        freshness::announce(log, &[self.projection], position).await;
        let projection = self.name();
        tracing::error!(projection, stream = %key, position, "parked; retry or skip it");
        Ok(true)
    }

    /// Writes what a batch says of it, in the transaction that moved it on.
    pub(crate) async fn write(
        &mut self,
        db: &mut PgConnection,
        batch: &Batch,
        parking: i64,
    ) -> anyhow::Result<()> {
        self.parked.refresh(db, self.projection, parking).await?;
        let wanted = batch.wanted_by(self.projection, self.position);
        let (now, waiting) = self.parked.sort(self.projection, wanted);
        self.projection.write(db, &now).await?;
        let erased: Vec<_> = now.into_iter().filter(|event| &*event.name == ERASED).collect();
        if !erased.is_empty() {
            rebuild::erase_old(db, self.projection, &erased).await?;
        }
        Ok(parking::wait(db, self.projection, &waiting).await?)
    }

    /// Moves the row on and keeps it locked; nothing when it stood elsewhere.
    async fn advance(
        &self,
        db: &mut PgConnection,
        (last, recorded_at): (Position, DateTime<Utc>),
    ) -> sqlx::Result<Option<Advance>> {
        sqlx::query_as!(
            Advance,
            r#"update read.projection
            set checkpoint = $1, updated_at = clock_timestamp(), last_error = null,
                events_per_second = $6
            where name = $2 and checkpoint = $3 and fence = $4
            returning parking, extract(epoch from updated_at - $5)::float8 as "age!""#,
            last,
            self.projection.name(),
            self.position,
            self.fence,
            recorded_at,
            self.pace.per_second(),
        )
        .fetch_optional(db)
        .await
    }

    #[expect(clippy::cast_precision_loss, reason = "a gauge may be off by one in 2^53")]
    pub(crate) fn measure(&self, events: usize, lag: f64) {
        let name = self.projection.name();
        metrics::gauge!("annals_projection_checkpoint", "projection" => name)
            .set(self.position as f64);
        metrics::counter!("annals_projection_events_total", "projection" => name)
            .increment(events as u64);
        metrics::histogram!("annals_projection_lag_seconds", "projection" => name).record(lag);
    }
}
