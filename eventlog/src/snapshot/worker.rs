//! Takes snapshots in the background, one at a time: nobody waits for one.

use std::{
    collections::HashSet,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use domain::Aggregate;
use sqlx::PgPool;
use tokio::sync::mpsc;
use uuid::Uuid;

use super::is_due;
use crate::{EventLog, MasterKey, ServiceKey};

/// How many streams may wait for a snapshot; a further one gets its own later.
const WAITING: usize = 256;

/// Something to be done in the background.
type Job = Pin<Box<dyn Future<Output = ()> + Send>>;

/// What taking and reading snapshots needs.
#[derive(Clone)]
pub(crate) struct Snapshots {
    key: ServiceKey,
    jobs: mpsc::Sender<Job>,
    /// The streams that wait for a snapshot already.
    wanted: Arc<Mutex<HashSet<Uuid>>>,
}

impl Snapshots {
    /// Starts the worker, which ends with the last clone.
    pub(crate) async fn open(pool: &PgPool, master: &MasterKey) -> anyhow::Result<Self> {
        let key = ServiceKey::load(pool, master, "snapshots").await?;
        let (jobs, mut waiting) = mpsc::channel::<Job>(WAITING);
        tokio::spawn(async move {
            while let Some(job) = waiting.recv().await {
                job.await;
            }
        });
        Ok(Self { key, jobs, wanted: Arc::default() })
    }

    pub(super) fn key(&self) -> &ServiceKey {
        &self.key
    }

    fn lock(&self) -> MutexGuard<'_, HashSet<Uuid>> {
        self.wanted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl EventLog {
    /// Has a snapshot taken where an append of so many events made one due.
    pub(crate) fn appended<A: Aggregate>(&self, stream: Uuid, version: i64, events: usize) {
        let before = version.saturating_sub(i64::try_from(events).unwrap_or(version));
        if is_due(before, version) {
            self.want_snapshot::<A>(stream);
        }
    }

    /// Has a snapshot taken of a stream, unless one is on its way.
    pub(crate) fn want_snapshot<A: Aggregate>(&self, stream: Uuid) {
        if A::SNAPSHOT.is_none() || !self.snapshots.lock().insert(stream) {
            return;
        }
        let log = self.clone();
        let job = async move {
            if let Err(error) = log.take_snapshot::<A>(stream).await {
                metrics::counter!("annals_snapshot_failures_total").increment(1);
                tracing::debug!(%stream, error = format!("{error:#}"), "no snapshot was taken");
            }
            log.snapshots.lock().remove(&stream);
        };
        if self.snapshots.jobs.try_send(Box::pin(job)).is_err() {
            self.snapshots.lock().remove(&stream);
        }
    }
}
