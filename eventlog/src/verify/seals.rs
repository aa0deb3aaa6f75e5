//! The tree over the events, beside what was signed and noted of it.

use std::collections::VecDeque;

use super::{Fault, fault::fault_at};
use crate::{
    Digest, EventLog, Frontier, Position, RawEvent, Subtree, TreeHead,
    proof::{LEVEL, Seal},
};

/// Grows the tree event by event and compares it with every head on the way.
pub(super) struct Seals<'a> {
    log: &'a EventLog,
    frontier: Frontier,
    /// Stored heads that are still to be reached.
    stored: VecDeque<Seal>,
    /// Whether no more are stored.
    is_over: bool,
    /// Heads kept outside of the log that are still to be reached.
    kept: VecDeque<TreeHead>,
    /// How many events the last of them had that was reached.
    kept_size: Position,
    /// The newest stored head that was reached.
    pub newest: Option<TreeHead>,
    /// How many heads were reached.
    pub heads: i64,
    /// Subtrees that the database should hold.
    subtrees: Vec<(Subtree, Digest)>,
    /// The first of them that it holds otherwise or not at all.
    pub node_fault: Option<Fault>,
}

impl<'a> Seals<'a> {
    pub(super) fn new(log: &'a EventLog, mut kept: Vec<TreeHead>) -> Self {
        kept.retain(|head| head.size > 0);
        kept.sort_by_key(|head| head.size);
        Self {
            log,
            frontier: Frontier::default(),
            stored: VecDeque::new(),
            is_over: false,
            kept: kept.into(),
            kept_size: 0,
            newest: None,
            heads: 0,
            subtrees: vec![],
            node_fault: None,
        }
    }

    /// How many events the newest stored head that was reached holds.
    pub(super) fn sealed(&self) -> Position {
        self.newest.as_ref().map_or(0, |head| head.size)
    }

    /// Whether the event is the one that was sealed here, and the tree up to it what was signed.
    pub(super) async fn check(&mut self, event: &RawEvent) -> anyhow::Result<Option<Fault>> {
        self.fetch().await?;
        let leaf = event.leaf_digest();
        if let Some(seal) = self.stored.front() {
            let before = self.sealed();
            if !seal.has_tags_after(before) {
                let detail =
                    format!("what was noted of it in the head of size {} is gone", seal.size);
                return Ok(Some(fault_at(before + 1, detail)));
            }
            if seal.tag(event.position - 1 - before) != Some(self.log.tree.tag(leaf)) {
                return self.explain(event).await.map(Some);
            }
        }
        let subtrees = &mut self.subtrees;
        self.frontier.push(leaf, |subtree, digest| {
            if subtree.level >= LEVEL {
                subtrees.push((subtree, digest));
            }
        });
        Ok(self.reach())
    }

    /// Makes sure that the next stored head is at hand, if there is one.
    async fn fetch(&mut self) -> anyhow::Result<()> {
        if self.stored.is_empty() && !self.is_over {
            self.stored = self.log.seals(self.sealed()).await?.into();
            self.is_over = self.stored.is_empty();
        }
        Ok(())
    }

    /// Compares the tree with the heads of its size.
    fn reach(&mut self) -> Option<Fault> {
        let size = self.frontier.size();
        while let Some(kept) = self.kept.pop_front_if(|kept| kept.size <= size) {
            let fault = self.compare(&kept, "kept", self.kept_size);
            self.kept_size = kept.size;
            if fault.is_some() {
                return fault;
            }
        }
        let seal = self.stored.pop_front_if(|seal| seal.size == size)?;
        let head = match seal.head(self.log.public_key().name()) {
            Ok(head) => head,
            Err(error) => return Some(fault_at(size, format!("the head of size {size}: {error}"))),
        };
        let fault = self.compare(&head, "signed", self.sealed());
        self.newest = Some(head);
        fault
    }

    fn compare(&mut self, head: &TreeHead, which: &str, before: Position) -> Option<Fault> {
        let size = head.size;
        if let Err(error) = head.verify(self.log.public_key()) {
            return Some(fault_at(size, format!("the {which} head of size {size}: {error}")));
        }
        self.heads += 1;
        (head.root != self.frontier.root()).then(|| {
            let detail = format!(
                "the {size} events up to here are not those of the {which} head of {}",
                head.sealed_at
            );
            fault_at(before + 1, detail)
        })
    }

    /// Tells whether the event was changed, or only what was noted of it.
    async fn explain(&self, event: &RawEvent) -> anyhow::Result<Fault> {
        let changed = fault_at(event.position, "not the event that was sealed here");
        let Some(seal) = self.stored.front() else { return Ok(changed) };
        let mut frontier = self.frontier.clone();
        frontier.push(event.leaf_digest(), |_, _| ());
        while frontier.size() < seal.size {
            let limit = seal.size - frontier.size();
            let Ok(events) = self.log.read_at_most(frontier.size(), limit).await else { break };
            if events.is_empty() {
                break;
            }
            for event in &events {
                frontier.push(event.leaf_digest(), |_, _| ());
            }
        }
        let head = seal.head(self.log.public_key().name()).ok();
        let is_intact = head.is_some_and(|head| {
            head.size == frontier.size()
                && head.root == frontier.root()
                && head.verify(self.log.public_key()).is_ok()
        });
        if is_intact {
            let detail = "the event is what was signed, but what was noted of it was changed";
            return Ok(fault_at(event.position, detail));
        }
        Ok(changed)
    }

    /// A head that was kept outside, of more events than there are.
    pub(super) fn unreached(&self) -> Option<Fault> {
        let head = self.kept.back()?;
        let detail = format!("missing; the kept head of {} has {}", head.sealed_at, head.size);
        Some(fault_at(self.frontier.size() + 1, detail))
    }

    /// Compares the stored subtrees with those of the events, as far as heads were reached.
    pub(super) async fn check_nodes(&mut self) -> anyhow::Result<()> {
        let sealed = self.sealed();
        let is_sealed =
            |(subtree, _): &mut (Subtree, Digest)| subtree.start() + subtree.width() <= sealed;
        let due: Vec<_> = self.subtrees.extract_if(.., is_sealed).collect();
        if self.node_fault.is_some() || due.is_empty() {
            return Ok(());
        }
        let wanted: Vec<Subtree> = due.iter().map(|(subtree, _)| *subtree).collect();
        let stored = self.log.stored_subtrees(&wanted).await?;
        let wrong = due.iter().filter(|(subtree, digest)| stored.get(subtree) != Some(digest));
        self.node_fault = wrong.min_by_key(|(subtree, _)| subtree.start()).map(|(subtree, _)| {
            let (first, last) = (subtree.start() + 1, subtree.start() + subtree.width());
            let detail = format!("the stored tree over positions {first} to {last} was changed");
            fault_at(first, detail)
        });
        Ok(())
    }
}
