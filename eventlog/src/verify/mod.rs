//! Reading the whole log and checking what must be true of it.

mod checker;
mod fault;
mod seals;
mod streams;

use serde::Serialize;

use self::{checker::Checker, fault::fault_at, seals::Seals};
use crate::{EventLog, MAX_BATCH, Position, RawEvent, TreeHead, Unreadable, follow::Row};

pub use fault::Fault;

/// What a check of the whole log found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Verification {
    /// How many events there are.
    pub events: i64,
    /// How many streams.
    pub streams: usize,
    /// SHA-256 over all payloads and metas in order, in hex.
    pub digest: String,
    /// How many events are in the tree of the newest signed head that was checked.
    pub sealed: Position,
    /// How many signed heads were checked, kept ones included.
    pub heads: i64,
    /// The newest signed head that was checked.
    pub head: Option<TreeHead>,
    /// The first thing that is wrong.
    pub fault: Option<Fault>,
}

impl EventLog {
    /// Reads every event and checks that it stands where it was written and is what was written:
    /// positions, versions, times, its MAC, that it can be decoded, and that the trees over them all
    /// are those that were signed.
    pub async fn verify(
        &self,
        progress: impl FnMut(Position) + Send,
    ) -> anyhow::Result<Verification> {
        self.verify_against(vec![], progress).await
    }

    /// The same, and checks that the log goes on from heads that somebody kept outside of it.
    pub async fn verify_against(
        &self,
        kept: Vec<TreeHead>,
        mut progress: impl FnMut(Position) + Send,
    ) -> anyhow::Result<Verification> {
        // Asked before the events are read: what was sealed by now must be among them.
        let sealed = self.sealed_size().await?;
        let head = self.head().await?;
        let mut checker = Checker::new(self.mac_from().await?);
        let mut seals = Seals::new(self, kept);
        let fault = loop {
            let rows = match self.rows(checker.position, MAX_BATCH).await {
                Ok(rows) => rows,
                Err(error) => break Some(unreadable(error)?),
            };
            if rows.is_empty() {
                break None;
            }
            let fault = self.check(&mut checker, &mut seals, rows).await?;
            if fault.is_some() {
                break fault;
            }
            seals.check_nodes().await?;
            progress(checker.position);
        };
        let mut end = fault.or_else(|| missing(checker.position, head, sealed));
        if end.is_none() {
            end = seals.unreached().or(self.check_streams(checker.extents()).await?);
        }
        // The stored tree only saves work: what is wrong with the events says more.
        let fault = end.or(seals.node_fault.take());
        Ok(checker.finish(seals, fault))
    }

    /// The first event whose MAC this log has the key of.
    async fn mac_from(&self) -> sqlx::Result<Position> {
        sqlx::query_scalar!("select mac_from from log.layout where log_id = 1")
            .fetch_one(&self.pool)
            .await
    }

    /// Checks one batch and returns the first fault in it.
    async fn check(
        &self,
        checker: &mut Checker,
        seals: &mut Seals<'_>,
        rows: Vec<Row>,
    ) -> anyhow::Result<Option<Fault>> {
        let mut good = Vec::with_capacity(rows.len());
        let mut fault = None;
        for row in rows {
            let position = row.position;
            let Ok(known) = self.types.get(&self.pool, row.type_id).await else {
                self.head().await?;
                fault = Some(fault_at(position, format!("no event type {}", row.type_id)));
                break;
            };
            let mac = row.mac.clone();
            let event = row.of_type(known);
            fault = checker.check(&event).or_else(|| {
                let id = checker.event_id(&event);
                let is_intact = self.mac(&id, &event.name, &event.payload, &event.meta)[..] == mac;
                (!is_intact && position >= checker.mac_from)
                    .then(|| fault_at(position, "not what was written"))
            });
            if fault.is_none() {
                fault = seals.check(&event).await?;
            }
            if fault.is_some() {
                break;
            }
            checker.accept(&event);
            good.push(event);
        }
        // What cannot be decoded stands before what is wrong otherwise.
        Ok(self.undecodable(good).await?.or(fault))
    }

    /// The first event that cannot be decoded.
    async fn undecodable(&self, events: Vec<RawEvent>) -> anyhow::Result<Option<Fault>> {
        if self.decode(events.clone()).await.is_ok() {
            return Ok(None);
        }
        // A database that is away is no fault of the log.
        self.head().await?;
        for event in events {
            let position = event.position;
            if let Err(error) = self.decode(vec![event]).await {
                return Ok(Some(fault_at(position, format!("{error:#}"))));
            }
        }
        Ok(None)
    }
}

/// An archive file that cannot be read is a fault of the log; anything else is an error.
fn unreadable(error: anyhow::Error) -> anyhow::Result<Fault> {
    let unreadable: Unreadable = error.downcast()?;
    Ok(fault_at(unreadable.position, unreadable.to_string()))
}

/// The first event that is not there.
fn missing(position: Position, head: Position, sealed: Position) -> Option<Fault> {
    if position >= head.max(sealed) {
        return None;
    }
    let detail = if sealed > head {
        format!("missing; {sealed} events were sealed")
    } else {
        format!("missing; the head is {head}")
    };
    Some(fault_at(position + 1, detail))
}
