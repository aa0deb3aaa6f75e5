//! Sealing: the tree grows by the events that are new, and its head is signed.

use anyhow::Context;
use sqlx::{PgConnection, PgPool};
use tokio::sync::Mutex;

use super::{
    Digest, Frontier, PublicKey, Subtree, TreeHead,
    head::Statement,
    key::Signer,
    store::{self, LEVEL, NewSubtrees},
};
use crate::{EventLog, MAX_BATCH, MasterKey, Position, RawEvent, ServiceKey};

/// Bytes of an event's tag.
pub(crate) const TAG: usize = 8;
/// How far another process may have sealed until the tree is read from the database again.
const NEAR: Position = 16 * MAX_BATCH;

/// What the log is sealed with.
pub(crate) struct Tree {
    signer: Signer,
    tags: ServiceKey,
    /// The right edge of the tree at the last head that this process has seen.
    edge: Mutex<Option<Frontier>>,
}

/// The stored tree, its heads and the events contradict each other: nothing is signed on top of that.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the log is not what was sealed: {0}")]
pub struct Misfit(String);

impl Misfit {
    pub(super) fn root(size: Position) -> Self {
        Self(format!("the tree of {size} events is not the one that was signed"))
    }

    pub(super) fn short(left: Position, sealed: Position) -> Self {
        Self(format!("{sealed} events were sealed, {left} are left"))
    }

    pub(super) fn forgotten(signed: Position, left: Position) -> Self {
        Self(format!("a head of {signed} events was signed, the last that is left has {left}"))
    }

    pub(super) fn lost(subtree: Subtree) -> Self {
        Self(format!("the tree has no node {} of level {}", subtree.index, subtree.level))
    }
}

impl Tree {
    pub(crate) async fn open(pool: &PgPool, master: &MasterKey) -> anyhow::Result<Self> {
        let seed = ServiceKey::load(pool, master, "tree heads").await?;
        let tags = ServiceKey::load(pool, master, "event tags").await?;
        Ok(Self { signer: Signer::new(&seed)?, tags, edge: Mutex::default() })
    }

    /// Tells which event was changed, to whoever has the key.
    pub(crate) fn tag(&self, leaf: Digest) -> [u8; TAG] {
        let mac = self.tags.mac(&[&leaf.0]);
        let mut tag = [0; TAG];
        tag.copy_from_slice(&mac[..TAG]);
        tag
    }
}

impl EventLog {
    pub(super) fn signer(&self) -> &Signer {
        &self.tree.signer
    }

    /// The key that tree heads are checked with.
    #[must_use]
    pub fn public_key(&self) -> &PublicKey {
        self.tree.signer.public()
    }

    /// Takes every event into the tree that is in the log now, and signs its head.
    ///
    /// Fails with [`Misfit`] where the log is not what was sealed before.
    pub async fn seal_now(&self) -> anyhow::Result<TreeHead> {
        let target = self.head().await?;
        loop {
            let head = self.seal_some().await?;
            if head.size >= target {
                return Ok(head);
            }
        }
    }

    /// Takes [`MAX_BATCH`] further events into the tree at most, and signs its head.
    pub async fn seal_some(&self) -> anyhow::Result<TreeHead> {
        let mut edge = self.tree.edge.lock().await;
        let mut transaction = self.pool.begin().await?;
        store::lock(&mut transaction).await?;
        let latest = self.latest(&mut transaction).await?;
        let mut frontier = self.edge(edge.clone(), latest.as_ref(), &mut transaction).await?;
        let events = self.read(frontier.size()).await?;
        if let Some(latest) = latest.filter(|_| events.is_empty()) {
            *edge = Some(frontier);
            return Ok(latest);
        }
        let head = self.extend(&mut frontier, &events, &mut transaction).await?;
        transaction.commit().await.context("storing a tree head")?;
        *edge = Some(frontier);
        Ok(head)
    }

    /// The newest head, if this service signed it.
    async fn latest(&self, db: &mut PgConnection) -> anyhow::Result<Option<TreeHead>> {
        let Some(row) = store::latest(db).await? else { return Ok(None) };
        let head = row.head(self.public_key().name())?;
        head.verify(self.public_key())
            .map_err(|error| Misfit(format!("head of size {}: {error}", head.size)))?;
        Ok(Some(head))
    }

    /// The right edge of the tree that `latest` is the head of.
    async fn edge(
        &self,
        known: Option<Frontier>,
        latest: Option<&TreeHead>,
        db: &mut PgConnection,
    ) -> anyhow::Result<Frontier> {
        let size = latest.map_or(0, |head| head.size);
        let frontier = match known {
            Some(known) if known.size() > size => {
                return Err(Misfit::forgotten(known.size(), size).into());
            }
            // What others have sealed meanwhile has to follow from what this process has seen.
            Some(known) if known.size() + NEAR >= size => self.grow(known, size).await?,
            _ => self.stored_edge(size, db).await?,
        };
        if let Some(head) = latest
            && head.root != frontier.root()
        {
            return Err(Misfit::root(size).into());
        }
        Ok(frontier)
    }

    async fn grow(&self, mut frontier: Frontier, size: Position) -> anyhow::Result<Frontier> {
        while frontier.size() < size {
            let limit = (size - frontier.size()).min(MAX_BATCH);
            let events = self.read_at_most(frontier.size(), limit).await?;
            if events.is_empty() {
                return Err(Misfit::short(frontier.size(), size).into());
            }
            for event in events {
                frontier.push(event.leaf_digest(), |_, _| ());
            }
        }
        Ok(frontier)
    }

    /// The right edge, from the stored subtrees and the events after the last of them.
    async fn stored_edge(&self, size: Position, db: &mut PgConnection) -> anyhow::Result<Frontier> {
        let blocks = size >> LEVEL << LEVEL;
        let cover = Subtree::cover(0, blocks);
        let stored = store::subtrees(db, &cover).await?;
        let mut frontier = Frontier::default();
        for subtree in cover {
            let Some((_, digest)) = stored.iter().find(|(stored, _)| *stored == subtree) else {
                return Err(Misfit::lost(subtree).into());
            };
            frontier.push_subtree(subtree.level, *digest, |_, _| ());
        }
        self.grow(frontier, size).await
    }

    async fn extend(
        &self,
        frontier: &mut Frontier,
        events: &[RawEvent],
        db: &mut PgConnection,
    ) -> anyhow::Result<TreeHead> {
        let mut subtrees = NewSubtrees::default();
        let mut tags = Vec::with_capacity(events.len() * TAG);
        for event in events {
            let leaf = event.leaf_digest();
            tags.extend(self.tree.tag(leaf));
            frontier.push(leaf, |subtree, digest| subtrees.note(subtree, digest));
        }
        let store::Now { epoch, at } = store::now(db).await?;
        let statement = Statement { size: frontier.size(), root: frontier.root(), epoch, at };
        let head = TreeHead::sign(&statement, &self.tree.signer);
        subtrees.insert(db).await.context("storing the tree")?;
        store::insert(db, &head, &tags).await.context("storing a tree head")?;
        Ok(head)
    }
}
