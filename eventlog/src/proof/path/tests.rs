//! The published vectors of Certificate Transparency, and any tree against the definitions of RFC 6962.

use proptest::prelude::*;

use super::*;
use crate::proof::{Frontier, Subtree};

/// The leaves of the reference tests of Certificate Transparency.
const LEAVES: [&str; 8] = [
    "",
    "00",
    "10",
    "2021",
    "3031",
    "40414243",
    "5051525354555657",
    "606162636465666768696a6b6c6d6e6f",
];
/// The roots of the trees of 0 to 8 of them.
const ROOTS: [&str; 9] = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
];
/// Index, size, and the inclusion proof.
const INCLUSIONS: [(i64, i64, &[&str]); 5] = [
    (0, 1, &[]),
    (
        0,
        8,
        &[
            "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
        ],
    ),
    (
        5,
        8,
        &[
            "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
            "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        ],
    ),
    (2, 3, &["fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"]),
    (
        1,
        5,
        &[
            "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        ],
    ),
];
/// The sizes, and the consistency proof between them.
const CONSISTENCIES: [(i64, i64, &[&str]); 4] = [
    (1, 1, &[]),
    (
        1,
        8,
        &[
            "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
        ],
    ),
    (
        6,
        8,
        &[
            "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
            "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        ],
    ),
    (
        2,
        5,
        &[
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        ],
    ),
];

fn bytes(hex: &str) -> Vec<u8> {
    let digit = |at: usize| u8::from_str_radix(&hex[at..at + 2], 16).unwrap();
    (0..hex.len()).step_by(2).map(digit).collect()
}

fn digest(hex: &str) -> Digest {
    Digest::from_slice(&bytes(hex)).unwrap()
}

fn published() -> Vec<Digest> {
    LEAVES.iter().map(|leaf| Digest::of_leaf(&bytes(leaf))).collect()
}

fn leaves(count: usize) -> Vec<Digest> {
    (0..count).map(|index| Digest::of_leaf(&index.to_be_bytes())).collect()
}

/// MTH as RFC 6962, 2.1 defines it.
fn root(leaves: &[Digest]) -> Digest {
    match leaves {
        [] => Digest::of_nothing(),
        [leaf] => *leaf,
        _ => {
            let (left, right) = leaves.split_at(leaves.len().next_power_of_two() / 2);
            Digest::of_node(root(left), root(right))
        }
    }
}

/// The digests of a path, each by its definition.
fn digests(path: Vec<Range<i64>>, leaves: &[Digest]) -> Vec<Digest> {
    let index = |at: i64| usize::try_from(at).unwrap();
    path.into_iter().map(|range| root(&leaves[index(range.start)..index(range.end)])).collect()
}

fn size(leaves: &[Digest]) -> i64 {
    i64::try_from(leaves.len()).unwrap()
}

#[test]
fn roots_are_the_published_ones() {
    let mut frontier = Frontier::default();
    assert_eq!(frontier.root(), digest(ROOTS[0]));

    for (leaf, expected) in published().into_iter().zip(&ROOTS[1..]) {
        frontier.push(leaf, |_, _| ());
        assert_eq!(frontier.root(), digest(expected));
    }
}

#[test]
fn inclusion_proofs_are_the_published_ones() {
    for (index, size, expected) in INCLUSIONS {
        let path = digests(inclusion(index, size), &published());
        let expected: Vec<Digest> = expected.iter().copied().map(digest).collect();
        assert_eq!(path, expected, "{index} of {size}");

        let at = |number: i64| usize::try_from(number).unwrap();
        let leaf = published()[at(index)];
        assert!(is_included(index, size, leaf, &path, digest(ROOTS[at(size)])));
    }
}

#[test]
fn consistency_proofs_are_the_published_ones() {
    for (from, to, expected) in CONSISTENCIES {
        let path = digests(consistency(from, to), &published());
        let expected: Vec<Digest> = expected.iter().copied().map(digest).collect();
        assert_eq!(path, expected, "{from} to {to}");

        let tree = |size: i64| (size, digest(ROOTS[usize::try_from(size).unwrap()]));
        assert!(is_consistent(tree(from), tree(to), &path));
    }
}

#[test]
fn subtrees_are_told_of_when_they_are_complete() {
    let mut told = Vec::new();
    let mut frontier = Frontier::default();
    for leaf in leaves(4) {
        frontier.push(leaf, |subtree, digest| told.push(((subtree.level, subtree.index), digest)));
    }

    let all = leaves(4);
    let expected = [
        ((0, 0), all[0]),
        ((0, 1), all[1]),
        ((1, 0), root(&all[..2])),
        ((0, 2), all[2]),
        ((0, 3), all[3]),
        ((1, 1), root(&all[2..])),
        ((2, 0), root(&all)),
    ];
    assert_eq!(told, expected);
}

proptest! {
    #[test]
    fn any_root_is_as_defined(count in 0_usize..600) {
        let leaves = leaves(count);
        let mut frontier = Frontier::default();

        for leaf in &leaves {
            frontier.push(*leaf, |_, _| ());
        }

        prop_assert_eq!(frontier.root(), root(&leaves));
        prop_assert_eq!(frontier.size(), size(&leaves));
    }

    #[test]
    fn a_tree_is_the_same_from_its_subtrees(count in 0_i64..600, cut in 0_i64..600) {
        let all = leaves(usize::try_from(count).unwrap());
        let mut frontier = Frontier::default();

        let cut = cut.min(count);
        for subtree in Subtree::cover(0, cut).into_iter().chain(Subtree::cover(cut, count)) {
            let range = subtree.start()..subtree.start() + subtree.width();
            let digest = digests(vec![range], &all)[0];
            frontier.push_subtree(subtree.level, digest, |_, _| ());
        }

        prop_assert_eq!(frontier.root(), root(&all));
    }

    #[test]
    fn every_leaf_is_included_and_nothing_else((size, index) in (1_usize..300).prop_flat_map(|size| (Just(size), 0..size)), other in 0_usize..300) {
        let leaves = leaves(size);
        let (at, all) = (i64::try_from(index).unwrap(), super::tests::size(&leaves));
        let root = root(&leaves);

        let path = digests(inclusion(at, all), &leaves);

        prop_assert!(is_included(at, all, leaves[index], &path, root));
        prop_assert!(!is_included(at, all, Digest::of_leaf(b"forged"), &path, root));
        prop_assert!(!is_included(at, all, leaves[index], &path, Digest::of_nothing()));
        let other = i64::try_from(other).unwrap();
        prop_assert_eq!(is_included(other, all, leaves[index], &path, root), other == at);
        let mut longer = path.clone();
        longer.push(root);
        prop_assert!(!is_included(at, all, leaves[index], &longer, root));
        prop_assert!(path.is_empty() || !is_included(at, all, leaves[index], &path[1..], root));
    }

    #[test]
    fn every_tree_is_consistent_with_what_it_grew_from((to, from) in (1_usize..300).prop_flat_map(|to| (Just(to), 1..=to)), forged in 0_usize..300) {
        let all = leaves(to);
        let (old, new) = ((size(&all[..from]), root(&all[..from])), (size(&all), root(&all)));

        let path = digests(consistency(old.0, new.0), &all);

        prop_assert!(is_consistent(old, new, &path));
        prop_assert!(!is_consistent((old.0, Digest::of_leaf(b"x")), new, &path));
        prop_assert!(!is_consistent(old, (new.0, Digest::of_leaf(b"x")), &path));
        // A tree in which one of the old leaves was changed has no such proof.
        if forged < from {
            let mut other = all.clone();
            other[forged] = Digest::of_leaf(b"forged");
            let grown = (size(&other), root(&other));
            prop_assert!(!is_consistent(old, grown, &digests(consistency(old.0, grown.0), &other)));
        }
    }
}
