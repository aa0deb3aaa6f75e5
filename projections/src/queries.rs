//! What the read models know; the questions stand beside the projection that answers them.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use chrono::{DateTime, Utc};
use eventlog::{EventLog, Position};
use serde::Serialize;
use sqlx::PgPool;

use crate::{Projection, freshness::Reached};

/// The read models: clone it freely.
#[derive(Clone)]
pub struct Queries {
    log: EventLog,
    reached: Arc<Reached>,
}

/// Some of a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Page<T> {
    /// The items asked for.
    pub items: Vec<T>,
    /// How many there are in all.
    pub total: i64,
}

/// How far a projection has come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ProjectionStatus {
    /// Its name.
    pub name: String,
    /// The last position its tables show.
    pub checkpoint: Position,
    /// How many events it has still to take in.
    pub lag_events: i64,
    /// When it last took some in.
    pub updated_at: DateTime<Utc>,
}

impl Queries {
    /// Reads the tables beside a log.
    #[must_use]
    pub fn new(log: EventLog) -> Self {
        Self { log, reached: Arc::default() }
    }

    pub(crate) fn log(&self) -> &EventLog {
        &self.log
    }

    pub(crate) fn pool(&self) -> &PgPool {
        self.log.pool()
    }

    /// Waits until all read models show a position; false when they do not after `at_most`.
    pub async fn wait_for(&self, position: Position, at_most: Duration) -> anyhow::Result<bool> {
        self.reached.wait_for(&self.log, position, at_most).await
    }

    /// How far each projection has come, those that ever ran.
    pub async fn projections(&self) -> anyhow::Result<Vec<ProjectionStatus>> {
        let names = Projection::ALL.map(|projection| projection.name().to_owned());
        let rows = sqlx::query_as!(
            ProjectionStatus,
            r#"select p.name, p.checkpoint, h.position - p.checkpoint as "lag_events!", p.updated_at
            from read.projection p cross join log.head h
            where h.log_id = 1 and p.name = any($1) order by p.name"#,
            &names,
        )
        .fetch_all(self.pool())
        .await?;
        Ok(rows)
    }

    /// Asks the database for a sign of life, and says how long it took to give one.
    pub async fn ping(&self) -> anyhow::Result<Duration> {
        let began = Instant::now();
        sqlx::query_scalar!(r#"select 1 as "one!""#).fetch_one(self.pool()).await?;
        Ok(began.elapsed())
    }
}
