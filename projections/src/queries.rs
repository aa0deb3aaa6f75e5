//! What the read models know; the questions stand beside the projection that answers them.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use eventlog::{EventLog, Position};
use serde::Serialize;
use sqlx::PgPool;

use crate::freshness::Reached;

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

    /// Asks the database for a sign of life, and says how long it took to give one.
    pub async fn ping(&self) -> anyhow::Result<Duration> {
        let began = Instant::now();
        sqlx::query_scalar!(r#"select 1 as "one!""#).fetch_one(self.pool()).await?;
        Ok(began.elapsed())
    }
}
