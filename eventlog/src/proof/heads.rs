//! Reading the signed heads, and what stands beside them.

use std::collections::HashMap;

use anyhow::Context;

use super::{
    Digest, Subtree, TreeHead,
    store::{self, Seal},
};
use crate::{EventLog, Position};

/// Heads read at once by a check: each may carry some kilobytes.
const SEALS: i64 = 256;

impl EventLog {
    /// The newest signed head; none before the first.
    pub async fn tree_head(&self) -> anyhow::Result<Option<TreeHead>> {
        let row = store::latest(&self.pool).await.context("reading the newest tree head")?;
        row.map(|row| row.head(self.public_key().name())).transpose()
    }

    /// The signed heads of more than `after` events, at most `limit` of them.
    pub async fn heads(&self, after: Position, limit: i64) -> anyhow::Result<Vec<TreeHead>> {
        let rows = store::heads(&self.pool, after, limit).await.context("reading tree heads")?;
        rows.into_iter().map(|row| row.head(self.public_key().name())).collect()
    }

    /// The signed head of exactly `size` events.
    pub async fn head_of(&self, size: Position) -> anyhow::Result<Option<TreeHead>> {
        let mut heads = self.heads(size - 1, 1).await?;
        Ok(heads.pop().filter(|head| head.size == size))
    }

    /// The heads of more than `after` events, with all that is stored of them.
    pub(crate) async fn seals(&self, after: Position) -> sqlx::Result<Vec<Seal>> {
        store::seals(&self.pool, after, SEALS).await
    }

    /// How many events the newest head holds, whether it is right or not.
    pub(crate) async fn sealed_size(&self) -> sqlx::Result<Position> {
        store::size(&self.pool).await
    }

    /// The digests of those subtrees that are stored.
    pub(crate) async fn stored_subtrees(
        &self,
        wanted: &[Subtree],
    ) -> anyhow::Result<HashMap<Subtree, Digest>> {
        Ok(store::subtrees(&self.pool, wanted).await?.into_iter().collect())
    }
}
