//! Paths through the tree: what a proof consists of, and how it is checked (RFC 9162, 2.1.3, 2.1.4).

use std::ops::Range;

use super::Digest;

/// The leaves under each node of an inclusion proof, the nearest to the leaf first.
pub(super) fn inclusion(index: i64, size: i64) -> Vec<Range<i64>> {
    let mut path = Vec::new();
    let (mut start, mut end) = (0, size);
    while end - start > 1 {
        let middle = start + split(end - start);
        if index < middle {
            path.push(middle..end);
            end = middle;
        } else {
            path.push(start..middle);
            start = middle;
        }
    }
    path.reverse();
    path
}

/// The leaves under each node of a proof that a tree of `from` leaves grew to one of `to`.
pub(super) fn consistency(from: i64, to: i64) -> Vec<Range<i64>> {
    let mut path = Vec::new();
    if from == 0 {
        return path;
    }
    let (mut start, mut end) = (0, to);
    while from < end {
        let middle = start + split(end - start);
        if from <= middle {
            path.push(middle..end);
            end = middle;
        } else {
            path.push(start..middle);
            start = middle;
        }
    }
    // The old tree is a node of the new one: whoever checks has its digest.
    if start > 0 {
        path.push(start..end);
    }
    path.reverse();
    path
}

/// The largest power of two below `size`.
const fn split(size: i64) -> i64 {
    1 << (size - 1).ilog2()
}

/// Whether a leaf stands at `index` (from 0) in the tree of `size` leaves with this root.
#[must_use]
pub fn is_included(index: i64, size: i64, leaf: Digest, path: &[Digest], root: Digest) -> bool {
    if index < 0 || index >= size {
        return false;
    }
    let (mut at, mut last, mut digest) = (index, size - 1, leaf);
    for sibling in path {
        if last == 0 {
            return false;
        }
        if at & 1 == 1 || at == last {
            digest = Digest::of_node(*sibling, digest);
            let up = at.trailing_zeros();
            (at, last) = (at >> up, last >> up);
        } else {
            digest = Digest::of_node(digest, *sibling);
        }
        (at, last) = (at >> 1, last >> 1);
    }
    last == 0 && digest == root
}

/// Whether the tree of `to.0` leaves with root `to.1` begins with the one of `from.0` and `from.1`.
#[must_use]
pub fn is_consistent(from: (i64, Digest), to: (i64, Digest), path: &[Digest]) -> bool {
    if from.0 < 0 || from.0 > to.0 {
        return false;
    }
    if from.0 == to.0 {
        return path.is_empty() && from.1 == to.1;
    }
    if from.0 == 0 {
        return path.is_empty() && from.1 == Digest::of_nothing();
    }
    let (mut at, mut last) = (from.0 - 1, to.0 - 1);
    let up = at.trailing_ones();
    (at, last) = (at >> up, last >> up);
    let (first, rest) = if at == 0 {
        (from.1, path)
    } else {
        let Some((first, rest)) = path.split_first() else { return false };
        (*first, rest)
    };
    let (mut old, mut new) = (first, first);
    for sibling in rest {
        if last == 0 {
            return false;
        }
        if at & 1 == 1 || at == last {
            (old, new) = (Digest::of_node(*sibling, old), Digest::of_node(*sibling, new));
            let up = at.trailing_zeros();
            (at, last) = (at >> up, last >> up);
        } else {
            new = Digest::of_node(new, *sibling);
        }
        (at, last) = (at >> 1, last >> 1);
    }
    last == 0 && old == from.1 && new == to.1
}

#[cfg(test)]
mod tests;
