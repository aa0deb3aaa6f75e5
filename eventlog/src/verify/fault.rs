//! What can be wrong with the log.

use serde::Serialize;

use crate::Position;

/// Something that is wrong with the log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Fault {
    /// Where.
    pub position: Position,
    /// What.
    pub detail: String,
}

pub(super) fn fault_at(position: Position, detail: impl Into<String>) -> Fault {
    Fault { position, detail: detail.into() }
}
