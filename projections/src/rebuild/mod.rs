//! Making a projection's tables anew from the log, beside the live ones, and changing over.
//!
//! Until the last transaction nobody sees the new tables; an interrupted rebuild leaves a schema
//! that the next one drops.

mod tables;

use std::{
    collections::HashSet,
    time::{Duration, Instant},
};

use anyhow::{Context, ensure};
use eventlog::{EventLog, MAX_BATCH, Position};
use serde::Serialize;
use sqlx::{Connection, PgConnection};
use tokio::time::sleep;

use crate::{
    Projection,
    checkpoint::{Standing, ensure_row},
    parking,
};

/// How often a rebuild tries to change over while somebody reads the live tables at length.
const TRIES: u32 = 20;

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

/// What a rebuild did.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RebuildReport {
    /// The projection.
    pub name: &'static str,
    /// Rows of all its tables.
    pub rows: i64,
    /// Events taken in; also the position that the tables show.
    pub events: i64,
    /// How long it took.
    pub seconds: f64,
    /// Whether every table held the same rows before.
    pub is_identical: bool,
    /// Table by table.
    pub tables: Vec<RebuiltTable>,
}

/// A table that was made anew.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RebuiltTable {
    /// Its name.
    pub name: &'static str,
    /// Its rows now.
    pub rows: i64,
    /// Its rows before.
    pub rows_before: i64,
    /// Whether these were the same.
    pub is_identical: bool,
}

/// Makes the tables of the projection called `name` anew while it runs, and sends nothing. Also
/// heals a projection that is refused: its tables then show the log up to its head.
pub async fn rebuild(
    log: &EventLog,
    name: &str,
    progress: impl FnMut(Progress),
) -> anyhow::Result<RebuildReport> {
    let projection = Projection::required(name)?;
    ensure_row(log.pool(), projection).await?;
    let db = PgConnection::connect_with(&log.pool().connect_options()).await?;
    let source = Source { projection, log, skipped: HashSet::new() };
    let (began, position) = (Instant::now(), 0);
    let mut rebuild = Rebuild { projection, source, db, began, position, progress };
    rebuild.prepare().await?;
    let tables = rebuild.finish().await?;
    let report = RebuildReport {
        name: projection.name(),
        rows: tables.iter().map(|table| table.rows).sum(),
        events: rebuild.position,
        seconds: rebuild.began.elapsed().as_secs_f64(),
        is_identical: tables.iter().all(|table| table.is_identical),
        tables,
    };
    rebuild.db.close().await?;
    Ok(report)
}

struct Rebuild<'a, F> {
    projection: Projection,
    source: Source<'a>,
    /// A connection of its own: it finds the new tables first, and its end ends the rebuild's lock.
    db: PgConnection,
    began: Instant,
    position: Position,
    progress: F,
}

impl<F: FnMut(Progress)> Rebuild<'_, F> {
    async fn prepare(&mut self) -> anyhow::Result<()> {
        let is_alone = sqlx::query_scalar!(
            r#"select pg_try_advisory_lock(hashtextextended($1, 0)) as "is_alone!""#,
            tables::new_schema(self.projection),
        )
        .fetch_one(&mut self.db)
        .await?;
        ensure!(is_alone, "{} is being rebuilt already", self.projection.name());
        tables::create(&mut self.db, self.projection).await?;
        let skipped = parking::skipped(&mut self.db, self.projection).await?;
        self.source.skipped = skipped.into_iter().collect();
        Ok(())
    }

    async fn finish(&mut self) -> anyhow::Result<Vec<RebuiltTable>> {
        for attempt in 1..TRIES {
            self.replay().await?;
            match self.change_over().await {
                Err(error) if is_lock_timeout(&error) => {
                    tracing::warn!(attempt, "somebody reads the live tables; trying again");
                    sleep(Duration::from_secs(1)).await;
                }
                answer => return answer,
            }
        }
        self.replay().await?;
        self.change_over().await
    }

    /// Takes the log in until little is missing.
    async fn replay(&mut self) -> anyhow::Result<()> {
        loop {
            let target = target(&Standing::read(&mut self.db, self.projection).await?);
            if target - self.position <= MAX_BATCH {
                return Ok(tables::analyze(&mut self.db, self.projection).await?);
            }
            while self.position < target {
                let mut transaction = self.db.begin().await?;
                let span = (self.position, target);
                let position = self.source.replay(&mut transaction, span).await?;
                transaction.commit().await?;
                self.position = position;
                self.report(target);
            }
        }
    }

    /// Takes in what is missing while the projection stands still, compares, and changes over.
    async fn change_over(&mut self) -> anyhow::Result<Vec<RebuiltTable>> {
        let mut transaction = self.db.begin().await?;
        sqlx::query!("set local lock_timeout = '5s'").execute(&mut *transaction).await?;
        sqlx::query!(
            "select from read.projection where name = $1 for update",
            self.projection.name(),
        )
        .execute(&mut *transaction)
        .await?;
        // Only the next statement sees what was committed while this one waited for the lock.
        let standing = Standing::read(&mut transaction, self.projection).await?;
        let target = target(&standing);
        let mut position = self.position;
        while position < target {
            let span = (position, target);
            position = self.source.replay(&mut transaction, span).await?;
        }
        ensure!(position == target, "the projection went back to {target} meanwhile");
        let tables = tables::compare(&mut transaction, self.projection).await?;
        tables::swap(&mut transaction, self.projection).await?;
        // The new tables hold what the old ones left out.
        sqlx::query!(
            "delete from read.parked where projection = $1 and skipped_at is null",
            self.projection.name(),
        )
        .execute(&mut *transaction)
        .await?;
        sqlx::query!(
            "update read.projection set checkpoint = $2, epoch = $3, parking = parking + 1,
                updated_at = clock_timestamp(), last_error = null
            where name = $1",
            self.projection.name(),
            target,
            standing.head_epoch,
        )
        .execute(&mut *transaction)
        .await?;
        transaction.commit().await?;
        self.position = position;
        self.report(target);
        Ok(tables)
    }

    #[expect(clippy::cast_precision_loss, reason = "an estimate")]
    fn report(&mut self, target: Position) {
        let seconds = self.began.elapsed().as_secs_f64().max(0.001);
        let per_second = self.position as f64 / seconds;
        let left = (target - self.position).max(0) as f64 / per_second.max(0.001);
        let left = Duration::try_from_secs_f64(left).unwrap_or(Duration::MAX);
        (self.progress)(Progress { position: self.position, target, per_second, left });
    }
}

/// Where the new tables have to come to: the live ones, if the log can have led there.
fn target(standing: &Standing) -> Position {
    if standing.is_of_this_log() { standing.checkpoint } else { standing.head }
}

/// What is taken in again.
struct Source<'a> {
    projection: Projection,
    log: &'a EventLog,
    /// What somebody decided to leave out.
    skipped: HashSet<Position>,
}

impl Source<'_> {
    /// Takes in the events after a position, `target` at most; answers the last one's position.
    async fn replay(
        &self,
        db: &mut PgConnection,
        (after, target): (Position, Position),
    ) -> anyhow::Result<Position> {
        let mut events = self.log.read_at_most(after, MAX_BATCH.min(target - after)).await?;
        let last = events.last().with_context(|| format!("the log ends at {after}"))?.position;
        events.retain(|event| {
            self.projection.wants(&event.name) && !self.skipped.contains(&event.position)
        });
        self.projection.apply(db, &self.log.decode(events).await?).await?;
        Ok(last)
    }
}

fn is_lock_timeout(error: &anyhow::Error) -> bool {
    let error = error.downcast_ref::<sqlx::Error>().and_then(sqlx::Error::as_database_error);
    error.is_some_and(|error| error.code().as_deref() == Some("55P03"))
}
