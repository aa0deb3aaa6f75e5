//! The proof of one event, on its own feet.

use anyhow::Context;
use serde::{Deserialize, Serialize};

use super::BundledEvent;
use crate::{ConsistencyProof, EventLog, InclusionProof, Position, ProofError, TreeHead};

/// What a proof says of its format.
pub(super) const FORMAT: &str = "annals.proof.v1";

/// An event, that it is in the log, and that the log grew from an older one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventProof {
    /// The format of this document.
    pub format: String,
    /// The key that the heads are signed with.
    pub key: String,
    /// The head that everything is proven against.
    pub head: TreeHead,
    /// The event, as it is stored.
    pub event: BundledEvent,
    /// That the event is in the tree of the head.
    pub inclusion: InclusionProof,
    /// That the tree of the head begins with an older one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub consistency: Option<ConsistencyProof>,
    /// The head of the older one, if one was signed at that size.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub older_head: Option<TreeHead>,
}

impl EventLog {
    /// Proves the event at `position` against the newest head, and, where somebody kept a head of
    /// `from` events, that the log goes on from there.
    pub async fn prove(
        &self,
        position: Position,
        from: Option<Position>,
    ) -> Result<EventProof, ProofError> {
        let head = self.tree_head().await?;
        let head = head.ok_or(ProofError::Beyond { asked: position, size: 0 })?;
        let inclusion = self.inclusion_proof(position, head.size).await?;
        let event = self.read_at_most(position - 1, 1).await?.pop();
        let event = event.context("the event was there a moment ago")?;
        let (mut consistency, mut older_head) = (None, None);
        if let Some(from) = from {
            consistency = Some(self.consistency_proof(from, head.size).await?);
            older_head = self.head_of(from).await?;
        }
        Ok(EventProof {
            format: FORMAT.to_owned(),
            key: self.public_key().to_string(),
            head,
            event: BundledEvent::from(&event),
            inclusion,
            consistency,
            older_head,
        })
    }
}
