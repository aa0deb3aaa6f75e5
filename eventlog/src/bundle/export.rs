//! Writing a bundle, event by event, however long the log is.

use std::{collections::VecDeque, io::Write, ops::RangeInclusive};

use anyhow::{Context, ensure};
use serde::Serialize;

use super::{BundledEvent, End, FORMAT, Header, Line};
use crate::{EventLog, MAX_BATCH, Position, Subtree, TreeHead};

/// What was written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Exported {
    /// The first position.
    pub from: Position,
    /// The last position.
    pub to: Position,
    /// How many signed heads.
    pub heads: i64,
    /// The head that everything is proven against.
    pub head: TreeHead,
}

impl EventLog {
    /// Seals the log and writes the events of `range`, as far as there are any.
    pub async fn export(
        &self,
        range: RangeInclusive<Position>,
        out: &mut (impl Write + Send),
        mut progress: impl FnMut(Position) + Send,
    ) -> anyhow::Result<Exported> {
        let head = self.seal_now().await.context("sealing what is to be exported")?;
        let (from, to) = (*range.start(), head.size.min(*range.end()));
        ensure!(from >= 1 && from <= to, "the log has {} events", head.size);
        write(out, &Line::Header(self.bundle_header(from..=to, &head).await?))?;
        let mut heads = VecDeque::new();
        let (mut at, mut count) = (from - 1, 0);
        while at < to {
            let events = self.read_at_most(at, (to - at).min(MAX_BATCH)).await?;
            ensure!(!events.is_empty(), "the log has no event at {}", at + 1);
            for event in &events {
                write(out, &Line::Event(Box::new(BundledEvent::from(event))))?;
                at = event.position;
                if heads.is_empty() {
                    heads = self.heads(at - 1, MAX_BATCH).await?.into();
                }
                if let Some(head) = heads.pop_front_if(|head: &mut TreeHead| head.size == at) {
                    write(out, &Line::Head(head.note()))?;
                    count += 1;
                }
            }
            progress(at);
        }
        write(out, &Line::End(End { events: to - from + 1, heads: count }))?;
        out.flush().context("writing the bundle")?;
        Ok(Exported { from, to, heads: count, head })
    }

    async fn bundle_header(
        &self,
        range: RangeInclusive<Position>,
        head: &TreeHead,
    ) -> anyhow::Result<Header> {
        let (from, to) = range.into_inner();
        let before = Subtree::cover(0, from - 1);
        let after = Subtree::cover(to, head.size);
        let known = self.subtrees(before.iter().chain(&after).copied()).await?;
        let digests = |cover: &[Subtree]| cover.iter().map(|subtree| known[subtree]).collect();
        Ok(Header {
            format: FORMAT.to_owned(),
            key: self.public_key().to_string(),
            head: head.note(),
            from,
            to,
            before: digests(&before),
            after: digests(&after),
        })
    }
}

fn write(out: &mut impl Write, line: &Line) -> anyhow::Result<()> {
    serde_json::to_writer(&mut *out, line).context("writing the bundle")?;
    out.write_all(b"\n").context("writing the bundle")
}
