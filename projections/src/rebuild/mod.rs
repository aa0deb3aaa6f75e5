//! Making a projection's tables anew from the log, beside the live ones, and changing over.
//!
//! Until the change-over nobody sees the new tables; an interrupted rebuild leaves a schema that the
//! next one drops. What was live before is kept for [`rollback`].

mod compare;
mod erase;
mod fill;
mod progress;
mod source;
mod tables;
mod versions;

use std::time::Instant;

use eventlog::{EventLog, Position};
use serde::Serialize;
use sqlx::{Connection, PgConnection};

use crate::{
    Projection, Refusal,
    checkpoint::{Standing, ensure_row},
    connection::connect,
    parking,
};

pub use compare::compare;
pub use progress::{Progress, RebuildStatus};
pub use versions::{drop_old, promote, rollback};

pub(crate) use erase::{erase_old, sweep};
pub(crate) use progress::statuses;
pub(crate) use source::Source;
pub(crate) use tables::{Slot, schema, use_schema};
pub(crate) use versions::advance;

use progress::Reporter;

/// How a projection is to be made anew.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// Keep the new tables up beside the live ones until somebody promotes them.
    pub keeps_both: bool,
    /// Take in again what somebody decided to leave out.
    pub takes_in_skipped: bool,
}

/// What a rebuild did.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RebuildReport {
    /// The projection.
    pub name: &'static str,
    /// Rows of all its tables.
    pub rows: i64,
    /// Events taken in before the tables were compared.
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

/// A rebuild that has the right to begin: no other process rebuilds the projection.
pub struct Rebuild {
    log: EventLog,
    projection: Projection,
    options: Options,
    /// A connection of its own: its end ends the rebuild's lock.
    db: PgConnection,
}

/// Makes the tables of the projection called `name` anew while it runs, and sends nothing. Also
/// heals a projection that is refused: its tables then show the log up to its head.
pub async fn rebuild(
    log: &EventLog,
    name: &str,
    options: Options,
    progress: impl FnMut(Progress),
) -> anyhow::Result<RebuildReport> {
    Rebuild::begin(log, name, options).await?.run(progress).await
}

impl Rebuild {
    /// Gets ready; [`Refusal::Rebuilding`] while another process rebuilds the projection.
    pub async fn begin(log: &EventLog, name: &str, options: Options) -> anyhow::Result<Self> {
        let projection = Projection::required(name)?;
        ensure_row(log.pool(), projection).await?;
        let mut db = connect(log.pool()).await?;
        let is_alone = sqlx::query_scalar!(
            r#"select pg_try_advisory_lock(hashtextextended($1, 0)) as "is_alone!""#,
            schema(projection, Slot::Next),
        )
        .fetch_one(&mut db)
        .await?;
        if !is_alone {
            return Err(Refusal::Rebuilding(projection.name()).into());
        }
        progress::start(&mut db, projection).await?;
        Ok(Self { log: log.clone(), projection, options, db })
    }

    /// Fills, compares and changes over.
    pub async fn run(mut self, progress: impl FnMut(Progress)) -> anyhow::Result<RebuildReport> {
        let outcome = self.perform(progress).await;
        let error = outcome.as_ref().err().map(parking::told);
        progress::end(self.log.pool(), self.projection, error.as_deref()).await?;
        self.db.close().await?;
        outcome
    }

    async fn perform(&mut self, progress: impl FnMut(Progress)) -> anyhow::Result<RebuildReport> {
        let began = Instant::now();
        tracing::info!(projection = self.projection.name(), "rebuilding");
        versions::discard(&mut self.db, self.projection, Slot::Next).await?;
        if self.options.takes_in_skipped {
            parking::forget_skipped(&mut self.db, self.projection).await?;
        }
        tables::create(&mut self.db, self.projection).await?;
        let events = self.fill(progress).await?;
        let tables = compare::compare_next(&self.log, self.projection).await?;
        if self.options.keeps_both {
            versions::follow_next(&mut self.db, self.projection).await?;
        } else {
            versions::promote_next(&self.log, self.projection).await?;
        }
        let report = RebuildReport {
            name: self.projection.name(),
            rows: tables.iter().map(|table| table.rows).sum(),
            events,
            seconds: began.elapsed().as_secs_f64(),
            is_identical: tables.iter().all(|table| table.is_identical),
            tables,
        };
        tracing::info!(
            projection = report.name,
            rows = report.rows,
            seconds = report.seconds,
            is_identical = report.is_identical,
            "rebuilt"
        );
        Ok(report)
    }

    /// Takes the log in until little is missing; indexes come when most is there.
    async fn fill(&mut self, progress: impl FnMut(Progress)) -> anyhow::Result<Position> {
        let mut reporter = Reporter::new(self.log.clone(), self.projection, progress);
        let source = Source::open(&self.log, self.projection).await?;
        let target = self.target().await?;
        fill::fill(&source, (0, target), &mut reporter).await?;
        reporter.phase("indexing").await;
        tables::index(&mut self.db, self.projection).await?;
        let position = self.target().await?;
        fill::fill(&source, (target, position), &mut reporter).await?;
        tables::analyze(&mut self.db, self.projection).await?;
        versions::register_next(&mut self.db, self.projection, position).await?;
        reporter.phase("comparing").await;
        Ok(position)
    }

    /// Where the new tables have to come to: as far as the live ones, if the log can have led there.
    async fn target(&mut self) -> sqlx::Result<Position> {
        Ok(Standing::read(&mut self.db, self.projection).await?.target())
    }
}
