//! A person's history with its proofs, as the API hands it out.

use chrono::{DateTime, Utc};
use serde::Deserialize;
use uuid::Uuid;

use crate::{InclusionProof, Position, TreeHead};

/// What a history says of its form.
pub const HISTORY_FORM: &str = "annals-history-1";

/// As much of a history as can be checked.
#[derive(Deserialize)]
pub(super) struct History {
    pub form: String,
    pub root: Root,
    pub items: Vec<Item>,
}

/// What the proofs lead to.
#[derive(Deserialize)]
pub(super) struct Root {
    pub tree_head: TreeHead,
    pub public_key: String,
}

/// Something that happened.
#[derive(Deserialize)]
pub(super) struct Item {
    pub position: Position,
    pub timestamp: DateTime<Utc>,
    pub action: String,
    pub resource_id: Uuid,
    pub proof: Proof,
}

/// That it stands in the log.
#[derive(Deserialize)]
pub(super) struct Proof {
    /// The bytes of its leaf, in base64; not of what others caused.
    pub leaf: Option<String>,
    pub inclusion: InclusionProof,
}
