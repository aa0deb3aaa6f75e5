//! Making proofs: a few stored subtrees, and at most three blocks of events that are hashed again.

use std::{
    collections::{BTreeMap, HashMap},
    ops::Range,
};

use anyhow::Context;
use serde::{Deserialize, Serialize};

use super::{
    Digest, Frontier, Misfit, Subtree, TreeHead, is_consistent, is_included, path,
    store::{self, LEVEL},
};
use crate::{EventLog, Position};

/// That an event stands at its position in a tree.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InclusionProof {
    /// Where the event stands.
    pub position: Position,
    /// How many events the tree has.
    pub size: Position,
    /// The digest of the event's leaf.
    pub leaf: Digest,
    /// The digests beside the way from the leaf to the root, the nearest to the leaf first.
    pub path: Vec<Digest>,
}

/// That a tree begins with an older one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConsistencyProof {
    /// How many events the older tree has.
    pub from: Position,
    /// How many events the newer tree has.
    pub to: Position,
    /// The digests that both roots can be made of.
    pub path: Vec<Digest>,
}

/// Why there is no proof.
#[derive(Debug, thiserror::Error)]
pub enum ProofError {
    /// No tree of that size is sealed yet, or it does not hold the position.
    #[error("{asked} is not between 1 and {size}")]
    Beyond {
        /// What was asked for.
        asked: Position,
        /// What there is.
        size: Position,
    },
    /// The log cannot be reached, or is not what was sealed.
    #[error(transparent)]
    Log(#[from] anyhow::Error),
}

impl InclusionProof {
    /// Whether it proves that the leaf is part of the tree with this root.
    #[must_use]
    pub fn proves(&self, root: Digest) -> bool {
        is_included(self.position.saturating_sub(1), self.size, self.leaf, &self.path, root)
    }
}

impl ConsistencyProof {
    /// Whether it proves that the tree with the one root grew to that with the other.
    #[must_use]
    pub fn proves(&self, from: Digest, to: Digest) -> bool {
        is_consistent((self.from, from), (self.to, to), &self.path)
    }
}

impl EventLog {
    /// Proves that the event at `position` is part of the tree of `size` events.
    pub async fn inclusion_proof(
        &self,
        position: Position,
        size: Position,
    ) -> Result<InclusionProof, ProofError> {
        let head = self.sealed(size).await?;
        within(position, size)?;
        let leaf = position - 1..position;
        let mut ranges = vec![leaf];
        ranges.extend(path::inclusion(position - 1, size));
        let mut digests = self.digests(ranges).await?.into_iter();
        let leaf = digests.next().context("a digest for each range")?;
        let proof = InclusionProof { position, size, leaf, path: digests.collect() };
        if head.size == size && !proof.proves(head.root) {
            return Err(misfit(&head).into());
        }
        Ok(proof)
    }

    /// Proves that the tree of `to` events begins with that of `from` events.
    pub async fn consistency_proof(
        &self,
        from: Position,
        to: Position,
    ) -> Result<ConsistencyProof, ProofError> {
        self.sealed(to).await?;
        within(from, to)?;
        let path = self.digests(path::consistency(from, to)).await?;
        Ok(ConsistencyProof { from, to, path })
    }

    /// The root of the tree of the first `size` events, sealed at that size or on the way.
    pub async fn root_at(&self, size: Position) -> Result<Digest, ProofError> {
        self.sealed(size).await?;
        let whole = std::iter::once(0..size).collect();
        Ok(self.digests(whole).await?.pop().unwrap_or_else(Digest::of_nothing))
    }

    /// The newest head, if it holds `size` events.
    async fn sealed(&self, size: Position) -> Result<TreeHead, ProofError> {
        let head = self.tree_head().await?;
        let sealed = head.as_ref().map_or(0, |head| head.size);
        within(size, sealed)?;
        head.ok_or(ProofError::Beyond { asked: size, size: 0 })
    }

    /// The digest of the tree over each range of leaves; each ends at a complete subtree or where
    /// the whole tree does.
    pub(crate) async fn digests(&self, ranges: Vec<Range<i64>>) -> anyhow::Result<Vec<Digest>> {
        let covers: Vec<Vec<Subtree>> =
            ranges.iter().map(|range| Subtree::cover(range.start, range.end)).collect();
        let known = self.subtrees(covers.iter().flatten().copied()).await?;
        let digest = |cover: &Vec<Subtree>| {
            let mut parts = cover.iter().rev().map(|subtree| known[subtree]);
            let Some(last) = parts.next() else { return Digest::of_nothing() };
            parts.fold(last, |right, left| Digest::of_node(left, right))
        };
        Ok(covers.iter().map(digest).collect())
    }

    /// The digests of complete subtrees: stored ones, and those below them from their events.
    pub(crate) async fn subtrees(
        &self,
        wanted: impl Iterator<Item = Subtree>,
    ) -> anyhow::Result<HashMap<Subtree, Digest>> {
        let (stored, hashed): (Vec<_>, Vec<_>) = wanted.partition(|one| one.level >= LEVEL);
        let mut known: HashMap<_, _> =
            store::subtrees(&self.pool, &stored).await?.into_iter().collect();
        if let Some(lost) = stored.iter().find(|subtree| !known.contains_key(subtree)) {
            return Err(Misfit::lost(*lost).into());
        }
        let mut blocks: BTreeMap<i64, i64> = BTreeMap::new();
        for subtree in hashed {
            let end = blocks.entry(subtree.start() >> LEVEL << LEVEL).or_default();
            *end = (subtree.start() + subtree.width()).max(*end);
        }
        for (start, end) in blocks {
            self.hash_block(start..end, &mut known).await?;
        }
        Ok(known)
    }

    /// Takes note of every complete subtree of a block's events.
    async fn hash_block(
        &self,
        block: Range<i64>,
        known: &mut HashMap<Subtree, Digest>,
    ) -> anyhow::Result<()> {
        let mut frontier = Frontier::default();
        loop {
            let read = block.start + frontier.size();
            if read >= block.end {
                return Ok(());
            }
            let events = self.read_at_most(read, block.end - read).await?;
            anyhow::ensure!(!events.is_empty(), Misfit::short(read, block.end));
            for event in &events {
                frontier.push(event.leaf_digest(), |subtree, digest| {
                    let index = subtree.index + (block.start >> subtree.level);
                    known.insert(Subtree { index, ..subtree }, digest);
                });
            }
        }
    }
}

fn within(asked: Position, size: Position) -> Result<(), ProofError> {
    (1..=size).contains(&asked).then_some(()).ok_or(ProofError::Beyond { asked, size })
}

fn misfit(head: &TreeHead) -> anyhow::Error {
    Misfit::root(head.size).into()
}
