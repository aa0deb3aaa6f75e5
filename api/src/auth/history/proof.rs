//! Proofs that what a history tells stands in the log, unchanged.

use std::collections::HashMap;

use base64::{Engine, engine::general_purpose::STANDARD};
use eventlog::{InclusionProof, Position, ProofError, TreeHead, leaf};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{App, problem::Problem};

/// What the proofs of a history lead to.
#[derive(Serialize, ToSchema)]
pub(super) struct Root {
    /// A signed tree head: `{size, root, epoch, sealed_at, note}`.
    #[schema(value_type = Object)]
    tree_head: TreeHead,
    /// The key that it is signed with, as `name+id+key`. Whoever wants to be sure has it from
    /// elsewhere.
    public_key: String,
}

/// That an event stands at its position in the log.
#[derive(Serialize, ToSchema)]
pub(super) struct Proof {
    /// The bytes that are proven, in base64: position, stream, version, time, command, name, and
    /// the event as it is stored. Not of what an administrator caused: of that only the digest is told.
    pub leaf: Option<String>,
    /// `{position, size, leaf, path}`, as in RFC 6962.
    #[schema(value_type = Object)]
    pub inclusion: InclusionProof,
}

/// Proves events by the newest tree head, or by a new one where that does not hold them all.
pub(super) async fn of(
    app: &App,
    positions: &[Position],
) -> Result<(Root, HashMap<Position, Proof>), Problem> {
    let log = app.commands.log();
    let last = positions.iter().copied().max().unwrap_or(0);
    let tree_head = match log.tree_head().await? {
        Some(head) if head.size >= last => head,
        Some(_) | None => log.seal_now().await?,
    };
    let mut proofs = HashMap::with_capacity(positions.len());
    for event in log.at(positions).await? {
        let inclusion =
            log.inclusion_proof(event.position, tree_head.size).await.map_err(unproven)?;
        let leaf = Some(STANDARD.encode(leaf(&event)));
        proofs.insert(event.position, Proof { leaf, inclusion });
    }
    let public_key = log.public_key().to_string();
    Ok((Root { tree_head, public_key }, proofs))
}

fn unproven(error: ProofError) -> Problem {
    match error {
        ProofError::Beyond { .. } => {
            Problem::unavailable("these events are not sealed yet; ask again in a moment")
        }
        ProofError::Log(error) => error.into(),
    }
}
