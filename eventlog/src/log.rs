//! The log as a handle: clone it freely, every clone shares one batcher.

use std::sync::Arc;

use anyhow::Context;
use sqlx::PgPool;
use tokio::sync::{mpsc, watch};

use crate::{
    KeyRing, Live, MasterKey, Position, ServiceKey,
    append::{self, Pending},
    archive::Shelf,
    forget::destroy_returned_keys,
    proof::Tree,
    snapshot::Snapshots,
    types::Types,
    writer::Writer,
};

/// The log.
#[derive(Clone)]
pub struct EventLog {
    pub(crate) pool: PgPool,
    pub(crate) keys: KeyRing,
    pub(crate) types: Types,
    pub(crate) claims: ServiceKey,
    pub(crate) macs: ServiceKey,
    pub(crate) tree: Arc<Tree>,
    pub(crate) appends: mpsc::Sender<Pending>,
    pub(crate) head: watch::Receiver<Position>,
    pub(crate) shelf: Shelf,
    pub(crate) snapshots: Snapshots,
    live: Live,
}

impl EventLog {
    /// Opens the log of a migrated database and starts its batcher, which ends with the last clone.
    pub async fn open(pool: PgPool, master: &MasterKey, live: Live) -> anyhow::Result<Self> {
        destroy_returned_keys(&pool).await?;
        let claims = ServiceKey::load(&pool, master, "claims").await?;
        let macs = ServiceKey::load(&pool, master, "events").await?;
        let tree = Arc::new(Tree::open(&pool, master).await?);
        let types = Types::default();
        types.refresh(&pool).await?;
        let head = head(&pool).await?;
        let writer = Writer::open(pool.clone(), head).await.context("making room in the log")?;
        let (head_sender, head) = watch::channel(head);
        let (appends, waiting) = mpsc::channel(4096);
        tokio::spawn(append::run(writer, waiting, head_sender));
        live.seal_with(&ServiceKey::load(&pool, master, "live").await?)?;
        let keys = KeyRing::new(pool.clone(), master.clone());
        keys.periods().refresh().await?;
        let shelf = Shelf::default();
        shelf.refresh(&pool).await?;
        let snapshots = Snapshots::open(&pool, master).await?;
        let log =
            Self { pool, keys, types, claims, macs, tree, appends, head, shelf, snapshots, live };
        log.listen_for_keys();
        Ok(log)
    }

    /// The database of the log.
    #[must_use]
    pub fn pool(&self) -> &PgPool {
        &self.pool
    }

    /// Messages between processes that are not worth keeping.
    #[must_use]
    pub fn live(&self) -> &Live {
        &self.live
    }

    /// The last position there is.
    pub async fn head(&self) -> anyhow::Result<Position> {
        head(&self.pool).await
    }

    /// How often the log was restored, from 1.
    pub async fn epoch(&self) -> anyhow::Result<i64> {
        let epoch = sqlx::query_scalar!("select epoch from log.head where log_id = 1");
        epoch.fetch_one(&self.pool).await.context("reading the epoch of the log")
    }

    /// The last position that this process wrote, as it changes.
    #[must_use]
    pub fn written(&self) -> watch::Receiver<Position> {
        self.head.clone()
    }
}

pub(crate) async fn head(pool: &PgPool) -> anyhow::Result<Position> {
    sqlx::query_scalar!("select position from log.head where log_id = 1")
        .fetch_one(pool)
        .await
        .context("reading the head of the log")
}
