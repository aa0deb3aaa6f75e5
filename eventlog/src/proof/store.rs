//! Where the tree is stored: its complete subtrees and its signed heads.

use anyhow::Context;
use chrono::{DateTime, Utc};
use sqlx::{PgConnection, PgExecutor};

use super::{Digest, Subtree, TreeHead};
use crate::Position;

/// The lowest level that is stored; blocks of 2^8 events are hashed again when they are needed.
pub(super) const LEVEL: u8 = 8;

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
    pub(super) fn head(self, origin: &str) -> anyhow::Result<TreeHead> {
        let id = self.key_id.try_into().ok();
        Ok(TreeHead {
            origin: origin.to_owned(),
            size: self.tree_size,
            root: Digest::from_slice(&self.root)?,
            epoch: self.epoch,
            sealed_at: self.sealed_at,
            key_id: id.context("the id of a key is four bytes")?,
            signature: self.signature,
        })
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
