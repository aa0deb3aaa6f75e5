//! Backups: the log with all its bookkeeping in one snapshot, keys in a file of their own, and a
//! manifest that is written last.
//!
//! Both files hold tables as `COPY .. (format binary)` gives them, one section for each. Read models
//! are not part of it: they are filled again from the log.

mod load;
mod open;
mod tables;
mod write;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{Position, TreeHead};

pub use open::Backup;
pub use write::BackupPlan;

/// The name of the manifest in its folder.
const MANIFEST: &str = "manifest.json";
/// The name of the log's file in that folder.
const LOG: &str = "log.annals";
/// The name of the keys' file, unless another one is given.
const KEYS: &str = "keys.annals";
/// The folder for archive files beside them.
const ARCHIVE: &str = "archive";
/// What this program writes and reads.
const FORMAT: u32 = 1;

/// What a backup holds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// The form of all this, from 1.
    pub format: u32,
    /// The same in both files: only those fit together.
    pub id: Uuid,
    /// When it was made, by the clock of the database.
    pub created_at: DateTime<Utc>,
    /// The last migration that the database had seen.
    pub migration: i64,
    /// The last position.
    pub position: Position,
    /// How often the log was restored before, from 1.
    pub epoch: i64,
    /// The newest signed tree head.
    pub tree_head: TreeHead,
    /// The file of the log.
    pub log: Part,
    /// The file of the keys.
    pub keys: Part,
    /// The archive files that the log consists of as well.
    pub archives: Vec<ArchivePart>,
}

/// One file of a backup.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// Its name.
    pub file: String,
    /// Its bytes.
    pub size: u64,
    /// SHA-256 of all but its last 40 bytes, which repeat it.
    pub sha256: String,
}

/// An archive file that belongs to a backup.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ArchivePart {
    /// Its first position.
    pub first: Position,
    /// Its last position.
    pub last: Position,
    /// The file.
    #[serde(flatten)]
    pub part: Part,
    /// Whether it lies with the backup; otherwise it is where it was.
    pub is_included: bool,
}

/// What a file of a backup says of itself.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Header {
    kind: String,
    id: Uuid,
    tables: Vec<Table>,
}

/// A table in a backup.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Table {
    /// Schema and name.
    name: String,
    /// The columns of a row, in order.
    columns: String,
}
