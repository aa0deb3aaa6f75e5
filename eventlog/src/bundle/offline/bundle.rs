//! Checking a bundle, line by line.

use std::io::BufRead;

use anyhow::{Context, ensure};

use crate::{
    Digest, Frontier, Position, PublicKey, Subtree, TreeHead,
    bundle::{BundledEvent, Expectations, FORMAT, Header, Line, OfflineReport},
};

/// A bundle on the way from its first line to its last.
pub(super) struct Bundle<'a> {
    expected: &'a Expectations,
    key: PublicKey,
    head: TreeHead,
    header: Header,
    tree: Frontier,
    /// The last head that was reached.
    signed: Position,
    is_kept_reached: bool,
    report: OfflineReport,
}

impl<'a> Bundle<'a> {
    pub(super) fn begin(header: Header, expected: &'a Expectations) -> anyhow::Result<Self> {
        ensure!(header.format == FORMAT, "a bundle of another format: {}", header.format);
        let head = TreeHead::parse(&header.head)?;
        let is_sane = 1 <= header.from && header.from <= header.to && header.to <= head.size;
        ensure!(is_sane, "a bundle of no events");
        let key = header.key.parse().context("the key of the bundle")?;
        let report = OfflineReport {
            log: head.origin.clone(),
            from: header.from,
            to: header.to,
            head: Some(head.clone()),
            heads: 0,
            proven: vec![],
            not_proven: vec![],
            fault: None,
        };
        let key = expected.key.clone().unwrap_or(key);
        let (tree, signed) = (Frontier::default(), header.from - 1);
        Ok(Self { expected, key, head, header, tree, signed, is_kept_reached: false, report })
    }

    /// Reads all that follows the header.
    pub(super) fn check(mut self, file: impl BufRead) -> OfflineReport {
        match self.read(file) {
            Ok(()) => self.tell(),
            Err((position, detail)) => self.report.with_fault(position, detail),
        }
    }

    fn read(&mut self, file: impl BufRead) -> Result<(), Wrong> {
        let from = self.header.from;
        self.verify(&self.head, from)?;
        self.graft(Subtree::cover(0, from - 1), &self.header.before.clone())?;
        self.reach_kept()?;
        let mut is_over = false;
        for line in file.lines() {
            let next = self.tree.size() + 1;
            let line = line.map_err(|error| (next, format!("reading the file: {error}")))?;
            ensure_that(!is_over, next, "something follows the end")?;
            match serde_json::from_str(&line) {
                Ok(Line::Event(event)) => self.take(&event)?,
                Ok(Line::Head(note)) => self.reach(&note)?,
                Ok(Line::End(end)) => {
                    let is_all =
                        self.tree.size() == self.header.to && end.heads == self.report.heads;
                    ensure_that(is_all, next, "events or heads are missing before the end")?;
                    is_over = true;
                }
                Ok(Line::Header(_)) => return Err((next, "a second header".to_owned())),
                Err(error) => return Err((next, format!("not a line of a bundle: {error}"))),
            }
        }
        ensure_that(is_over, self.tree.size() + 1, "the file ends early")?;
        self.graft(Subtree::cover(self.header.to, self.head.size), &self.header.after.clone())?;
        self.reach_kept()?;
        self.compare(&self.head.clone())
    }

    /// Takes the digests of what the bundle leaves out into the tree.
    fn graft(&mut self, cover: Vec<Subtree>, digests: &[Digest]) -> Result<(), Wrong> {
        let is_whole = cover.len() == digests.len();
        ensure_that(is_whole, self.header.from, "the header has not the digests that it needs")?;
        for (subtree, digest) in cover.into_iter().zip(digests) {
            self.tree.push_subtree(subtree.level, *digest, |_, _| ());
        }
        Ok(())
    }

    fn take(&mut self, event: &BundledEvent) -> Result<(), Wrong> {
        let position = self.tree.size() + 1;
        ensure_that(position <= self.header.to, position, "more events than the header says")?;
        let is_next = event.position == position;
        ensure_that(is_next, position, &format!("position {} instead", event.position))?;
        let leaf = event.leaf_digest().map_err(|error| (position, error.to_string()))?;
        ensure_that(leaf == event.leaf, position, "the event is not that of its digest")?;
        self.tree.push(leaf, |_, _| ());
        self.reach_kept()
    }

    /// Compares the tree so far with a head in the bundle.
    fn reach(&mut self, note: &str) -> Result<(), Wrong> {
        let position = self.tree.size();
        let head = TreeHead::parse(note).map_err(|error| (position, error.to_string()))?;
        ensure_that(head.size == position, position, "a head of another size")?;
        self.verify(&head, position)?;
        self.compare(&head)?;
        self.report.heads += 1;
        self.signed = position;
        Ok(())
    }

    fn reach_kept(&mut self) -> Result<(), Wrong> {
        let Some(kept) = &self.expected.kept else { return Ok(()) };
        if kept.size == self.tree.size() && kept.size > 0 {
            self.verify(kept, kept.size)?;
            self.compare(kept)?;
            self.is_kept_reached = true;
        }
        Ok(())
    }

    fn verify(&self, head: &TreeHead, position: Position) -> Result<(), Wrong> {
        head.verify(&self.key)
            .map_err(|error| (position, format!("head of {}: {error}", head.size)))
    }

    fn compare(&self, head: &TreeHead) -> Result<(), Wrong> {
        let first = self.signed + 1;
        let detail = format!(
            "positions {first} to {} are not those that were signed {}",
            self.tree.size().min(self.header.to),
            head.sealed_at
        );
        ensure_that(head.root == self.tree.root(), first, &detail)
    }

    fn tell(mut self) -> OfflineReport {
        let (from, to, head) = (self.header.from, self.header.to, &self.head);
        self.report.proven.push(format!(
            "the events at positions {from} to {to} are, byte for byte and in this order, those of the \
            log of {} events whose head was signed {}; none is missing between them",
            head.size, head.sealed_at,
        ));
        if self.report.heads > 0 {
            let sentence = format!(
                "all {} heads in the file are signed, and each grew from the one before",
                self.report.heads
            );
            self.report.proven.push(sentence);
        }
        if to < head.size {
            self.report.not_proven.push(format!(
                "what stands at positions {} to {}",
                to + 1,
                head.size
            ));
        }
        if from > 1 {
            self.report.not_proven.push(format!("what stands at positions 1 to {}", from - 1));
        }
        self.report.tell_of_key(self.expected);
        let kept = self.expected.kept.as_ref().map(|head| (head, self.is_kept_reached));
        self.report.tell_of_kept(kept);
        self.report
    }
}

/// Where something is wrong, and what.
type Wrong = (Position, String);

fn ensure_that(is_so: bool, position: Position, detail: &str) -> Result<(), Wrong> {
    is_so.then_some(()).ok_or_else(|| (position, detail.to_owned()))
}
