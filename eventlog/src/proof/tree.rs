//! A Merkle tree by its right edge: enough to grow it and to know its root (RFC 9162, 2.1).

use super::Digest;

/// A complete subtree: 2^`level` leaves, from `index` * 2^`level` on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Subtree {
    /// How many levels it has above its leaves.
    pub level: u8,
    /// How many of its level stand before it.
    pub index: i64,
}

impl Subtree {
    /// How many leaves it has.
    #[must_use]
    pub const fn width(self) -> i64 {
        1 << self.level
    }

    /// How many leaves stand before it.
    #[must_use]
    pub const fn start(self) -> i64 {
        self.index << self.level
    }

    /// The largest complete subtrees that hold the leaves from `from` up to `to`, in order.
    #[must_use]
    pub fn cover(mut from: i64, to: i64) -> Vec<Self> {
        let mut cover = Vec::new();
        while from < to {
            let aligned = if from == 0 { 62 } else { from.trailing_zeros() };
            let fitting = (to - from).ilog2();
            let level = aligned.min(fitting);
            cover.push(Self { level: u8::try_from(level).unwrap_or(62), index: from >> level });
            from += 1 << level;
        }
        cover
    }
}

/// The complete subtrees along the right edge of a tree, the largest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Frontier {
    size: i64,
    edge: Vec<(u8, Digest)>,
}

impl Frontier {
    /// How many leaves the tree has.
    #[must_use]
    pub const fn size(&self) -> i64 {
        self.size
    }

    /// Adds a leaf, and tells of every subtree that it completes.
    pub fn push(&mut self, leaf: Digest, completed: impl FnMut(Subtree, Digest)) {
        self.push_subtree(0, leaf, completed);
    }

    /// Adds the leaves of a complete subtree, and tells of every subtree that they complete, their
    /// own included. Its leaves must be aligned: their number divides that of the leaves before.
    pub fn push_subtree(
        &mut self,
        mut level: u8,
        mut digest: Digest,
        mut completed: impl FnMut(Subtree, Digest),
    ) {
        debug_assert_eq!(self.size & ((1 << level) - 1), 0, "not aligned");
        self.size += 1 << level;
        completed(self.last(level), digest);
        while let Some((_, left)) = self.edge.pop_if(|(left, _)| *left == level) {
            digest = Digest::of_node(left, digest);
            level += 1;
            completed(self.last(level), digest);
        }
        self.edge.push((level, digest));
    }

    /// The digest of the whole tree.
    #[must_use]
    pub fn root(&self) -> Digest {
        let mut edge = self.edge.iter().rev().map(|(_, digest)| *digest);
        let Some(rightmost) = edge.next() else { return Digest::of_nothing() };
        edge.fold(rightmost, |right, left| Digest::of_node(left, right))
    }

    /// The last complete subtree of a level.
    const fn last(&self, level: u8) -> Subtree {
        Subtree { level, index: (self.size >> level) - 1 }
    }
}
