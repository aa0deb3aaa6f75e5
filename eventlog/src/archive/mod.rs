//! Partitions that were moved to compressed files, and reading them there.
//!
//! What is archived is always a prefix of the log: the table holds all that follows. `log.archive`
//! says which file holds which positions; a row of it is committed before the table goes, and goes
//! when the table is back, so that whoever misses events in the table finds their file.

pub(crate) mod catalogue;
mod file;
mod read;
mod restore;
mod shelf;
mod write;

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::Position;

pub use catalogue::{Archived, PartitionStatus};
pub(crate) use restore::Lock;
pub(crate) use shelf::Shelf;
pub use write::Keep;

/// Events that stand in an archive file that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("positions {position} to {last} are in the archive file {}: {detail}", .file.display())]
pub struct Unreadable {
    /// The first of them.
    pub position: Position,
    /// The last of them.
    pub last: Position,
    /// The file.
    pub file: PathBuf,
    /// What is wrong with it.
    pub detail: String,
}

/// What an archive file says of itself.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Header {
    kind: String,
    part: i64,
    first_position: Position,
    last_position: Position,
    epoch: i64,
    /// The columns of a row, in order.
    columns: String,
    /// The names behind the numbers of event types, for readers without the database.
    types: Vec<(i32, String, i16)>,
}

/// The section with the events, in order; a frame is known by its first position.
const EVENTS: &str = "events";
/// The section with (stream, position) in the order of streams and versions; a frame is known by its
/// first stream.
const STREAMS: &str = "streams";
/// What the header calls such a file.
const KIND: &str = "partition";
