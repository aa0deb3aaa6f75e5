//! Proving history: a Merkle tree over every event, tree heads that are signed, and proofs that
//! somebody without access to the log can check (RFC 6962, RFC 9162).

mod certificate;
mod digest;
mod head;
mod heads;
mod kept;
mod key;
mod leaf;
mod path;
mod prove;
mod seal;
mod store;
mod tree;

pub use certificate::{Certificate, Erasure, InvalidCertificate};
pub use digest::{Digest, NotADigest};
pub use head::{InvalidHead, TreeHead};
pub use kept::KeptHead;
pub use key::{InvalidKey, PublicKey};
pub use leaf::leaf;
pub use path::{is_consistent, is_included};
pub use prove::{ConsistencyProof, InclusionProof, ProofError};
pub use seal::Misfit;
pub use tree::{Frontier, Subtree};

pub(crate) use leaf::LeafHead;
pub(crate) use seal::Tree;
pub(crate) use store::{LEVEL, Seal};
