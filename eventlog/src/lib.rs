//! The log: append, load, follow, seal personal data, and carry it all over NATS.
//!
//! Positions are contiguous and in commit order: a reader that has seen position `n` next sees
//! `n + 1`, and nothing ever appears behind it.

mod append;
mod archive;
mod backup;
mod batch;
mod broker;
mod browse;
mod bundle;
mod claim;
mod clear;
mod container;
mod copy;
mod crypto;
mod encode;
mod feed;
mod follow;
mod forget;
mod hex;
mod kept;
mod keys;
mod lease;
mod live;
mod load;
mod log;
mod master;
mod meta;
mod partitions;
mod people;
mod pick;
mod proof;
mod queue;
mod receipt;
mod recorded;
mod retention;
mod reveal;
mod rotate;
mod scan;
mod sealed;
mod service;
mod signing;
mod snapshot;
mod tuples;
mod type_use;
mod types;
mod verify;
mod writer;

pub use append::{AppendError, Appended};
pub use archive::{Archived, Keep, PartitionStatus, Unreadable};
pub use backup::{ArchivePart, Backup, BackupPlan, Manifest, Part};
pub use broker::{Broker, STREAM};
pub use browse::StreamView;
pub use bundle::{
    BundledEvent, EventProof, Expectations, Exported, HISTORY_FORM, OfflineReport, check_offline,
};
pub use clear::{content, in_clear};
pub use encode::{Append, Expected, Secret};
pub use feed::Feed;
pub use follow::{Gap, MAX_BATCH};
pub use kept::Keeper;
pub use keys::{Gone, KeyRing};
pub use lease::Lease;
pub use live::{Live, LiveMessage};
pub use load::Loaded;
pub use log::EventLog;
pub use master::MasterKey;
pub use meta::{Circumstances, Meta, Reason, Sealed};
pub use people::People;
pub use proof::{
    Certificate, ConsistencyProof, Digest, Erasure, Frontier, InclusionProof, InvalidCertificate,
    InvalidHead, InvalidKey, KeptHead, Misfit, NotADigest, ProofError, PublicKey, Subtree,
    TreeHead, is_consistent, is_included, leaf,
};
pub use recorded::{RawEvent, Recorded};
pub use retention::KeptPeriod;
pub use reveal::{RevealedEvent, RevealedMeta};
pub use rotate::{APPLICATION, Rotation};
pub use service::ServiceKey;
pub use signing::{SigningKey, Succession};
pub use type_use::{TypeUse, UnreadableTypes};
pub use verify::{Fault, Verification};

/// A place in the log, from 1; positions are contiguous and in commit order.
pub type Position = i64;
