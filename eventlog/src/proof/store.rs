//! Where the tree is stored: its complete subtrees and its signed heads.

use anyhow::Context;
use chrono::{DateTime, Utc};
use sqlx::{PgConnection, PgExecutor};

use super::{Digest, Subtree, TreeHead, seal::TAG};
use crate::Position;

/// The lowest level that is stored; blocks of 2^8 events are hashed again when they are needed.
pub(crate) const LEVEL: u8 = 8;

/// The subtrees that a seal completes.
#[derive(Default)]
pub(super) struct NewSubtrees {
    levels: Vec<i16>,
    indexes: Vec<i64>,
    digests: Vec<Vec<u8>>,
}

/// A head as the table holds it.
pub(super) struct HeadRow {
    tree_size: Position,
    root: Vec<u8>,
    epoch: i64,
    sealed_at: DateTime<Utc>,
    key_id: Vec<u8>,
    signature: Vec<u8>,
}

/// A head with all that is stored of it.
pub(crate) struct Seal {
    /// How many events it holds.
    pub size: Position,
    row: HeadRow,
    tags: Vec<u8>,
}

/// What a new head says beside the tree.
pub(super) struct Now {
    pub epoch: i64,
    pub at: DateTime<Utc>,
}

impl NewSubtrees {
    /// Notes a subtree, if it is one that is stored.
    pub(super) fn note(&mut self, subtree: Subtree, digest: Digest) {
        if subtree.level >= LEVEL {
            self.levels.push(i16::from(subtree.level));
            self.indexes.push(subtree.index);
            self.digests.push(digest.0.to_vec());
        }
    }

    pub(super) async fn insert(&self, db: &mut PgConnection) -> sqlx::Result<()> {
        if self.levels.is_empty() {
            return Ok(());
        }
        sqlx::query!(
            "insert into log.tree_node (level, index, digest)
            select * from unnest($1::smallint[], $2::bigint[], $3::bytea[])",
            &self.levels,
            &self.indexes,
            &self.digests,
        )
        .execute(db)
        .await?;
        Ok(())
    }
}

impl HeadRow {
    /// The head, signed by whom it says.
    pub(super) fn head(&self, origin: &str) -> anyhow::Result<TreeHead> {
        let id = self.key_id[..].try_into().ok();
        Ok(TreeHead {
            origin: origin.to_owned(),
            size: self.tree_size,
            root: Digest::from_slice(&self.root)?,
            epoch: self.epoch,
            sealed_at: self.sealed_at,
            key_id: id.context("the id of a key is four bytes")?,
            signature: self.signature.clone(),
        })
    }
}

impl Seal {
    /// The head, signed by whom it says.
    pub(crate) fn head(&self, origin: &str) -> anyhow::Result<TreeHead> {
        self.row.head(origin)
    }

    /// Whether it has a tag for each event after those of the head before.
    pub(crate) fn has_tags_after(&self, before: Position) -> bool {
        usize::try_from(self.size - before).is_ok_and(|count| self.tags.len() == count * TAG)
    }

    /// The tag of one of these events, from 0.
    pub(crate) fn tag(&self, index: i64) -> Option<[u8; TAG]> {
        let (tags, _) = self.tags.as_chunks();
        tags.get(usize::try_from(index).ok()?).copied()
    }
}

/// Keeps others from sealing until the transaction ends.
pub(super) async fn lock(db: &mut PgConnection) -> sqlx::Result<()> {
    sqlx::query!("select pg_advisory_xact_lock(hashtextextended('log.seal', 0))")
        .execute(db)
        .await?;
    Ok(())
}

pub(super) async fn now(db: &mut PgConnection) -> sqlx::Result<Now> {
    sqlx::query_as!(
        Now,
        r#"select epoch, clock_timestamp() as "at!" from log.head where log_id = 1"#
    )
    .fetch_one(db)
    .await
}

/// The newest head.
pub(super) async fn latest(db: impl PgExecutor<'_>) -> sqlx::Result<Option<HeadRow>> {
    sqlx::query_as!(
        HeadRow,
        "select tree_size, root, epoch, sealed_at, key_id, signature from log.seal
        order by tree_size desc limit 1",
    )
    .fetch_optional(db)
    .await
}

/// The heads of more than `after` events.
pub(super) async fn heads(
    db: impl PgExecutor<'_>,
    after: Position,
    limit: i64,
) -> sqlx::Result<Vec<HeadRow>> {
    sqlx::query_as!(
        HeadRow,
        "select tree_size, root, epoch, sealed_at, key_id, signature from log.seal
        where tree_size > $1 order by tree_size limit $2",
        after,
        limit,
    )
    .fetch_all(db)
    .await
}

/// The heads of more than `after` events, with their tags.
pub(super) async fn seals(
    db: impl PgExecutor<'_>,
    after: Position,
    limit: i64,
) -> sqlx::Result<Vec<Seal>> {
    let rows = sqlx::query!(
        "select tree_size, root, epoch, sealed_at, key_id, signature, tags from log.seal
        where tree_size > $1 order by tree_size limit $2",
        after,
        limit,
    )
    .fetch_all(db)
    .await?;
    let seal = rows.into_iter().map(|row| Seal {
        size: row.tree_size,
        tags: row.tags,
        row: HeadRow {
            tree_size: row.tree_size,
            root: row.root,
            epoch: row.epoch,
            sealed_at: row.sealed_at,
            key_id: row.key_id,
            signature: row.signature,
        },
    });
    Ok(seal.collect())
}

/// The size of the newest head, 0 before the first.
pub(super) async fn size(db: impl PgExecutor<'_>) -> sqlx::Result<Position> {
    let size = sqlx::query_scalar!("select max(tree_size) from log.seal").fetch_one(db).await?;
    Ok(size.unwrap_or(0))
}

/// The digests of complete subtrees, as far as they are stored; in no particular order.
pub(super) async fn subtrees(
    db: impl PgExecutor<'_>,
    wanted: &[Subtree],
) -> anyhow::Result<Vec<(Subtree, Digest)>> {
    let levels: Vec<i16> = wanted.iter().map(|subtree| i16::from(subtree.level)).collect();
    let indexes: Vec<i64> = wanted.iter().map(|subtree| subtree.index).collect();
    let rows = sqlx::query!(
        "select n.level, n.index, n.digest from unnest($1::smallint[], $2::bigint[]) w(level, index)
        join log.tree_node n on n.level = w.level and n.index = w.index",
        &levels,
        &indexes,
    )
    .fetch_all(db)
    .await?;
    let found = rows.into_iter().map(|row| {
        let subtree = Subtree { level: u8::try_from(row.level)?, index: row.index };
        Ok((subtree, Digest::from_slice(&row.digest)?))
    });
    found.collect()
}

/// Writes a head, with the tags of the events that are new in it.
pub(super) async fn insert(
    db: &mut PgConnection,
    head: &TreeHead,
    tags: &[u8],
) -> sqlx::Result<()> {
    sqlx::query!(
        "insert into log.seal (tree_size, root, epoch, sealed_at, key_id, signature, tags)
        values ($1, $2, $3, $4, $5, $6, $7)",
        head.size,
        &head.root.0[..],
        head.epoch,
        head.sealed_at,
        &head.key_id[..],
        &head.signature,
        tags,
    )
    .execute(db)
    .await?;
    Ok(())
}
