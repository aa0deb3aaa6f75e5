//! The certificate of an erasure: what became of a person's data, vouched for by the key that signs
//! tree heads. It tells nothing of the person but an id that leads nowhere.
//!
//! ```text
//! annals/0123456789abcdef              the name of the log
//! certificate of erasure               what this is
//! {"subject":"0197..","erased_at":..}  what it says
//!
//! — annals/0123456789abcdef Wm8d...=   key id and Ed25519 signature over the lines above
//! ```

use std::collections::BTreeMap;

use base64::{Engine, engine::general_purpose::STANDARD};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{InvalidHead, PublicKey, TreeHead, key::Signer};
use crate::{EventLog, Position};

/// What tells a certificate from other notes of the log.
const KIND: &str = "certificate of erasure";

/// What became of a person's data.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Erasure {
    /// Who was erased.
    pub subject: Uuid,
    /// Who asked for it.
    pub requested_by: Option<Uuid>,
    /// When.
    pub requested_at: DateTime<Utc>,
    /// Where the log says so.
    pub requested_position: Position,
    /// When the key of the person's data was destroyed.
    pub erased_at: DateTime<Utc>,
    /// Where the log says so.
    pub erased_position: Position,
    /// When all of this was checked.
    pub certified_at: DateTime<Utc>,
    /// Where the log says that something of the person's ended, by the name of the event.
    pub ended: BTreeMap<String, Vec<Position>>,
    /// What was destroyed or deleted outside the log: how much, by place.
    pub purged: BTreeMap<String, i64>,
    /// The tree of the log before.
    pub tree_before: TreeHead,
    /// The tree of the log with the erasure in it.
    pub tree_after: TreeHead,
}

/// A signed certificate, and beside the note what it says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Certificate {
    /// What it says.
    pub erasure: Erasure,
    /// What is signed, and the signature.
    pub note: String,
    /// The key it is signed with, as `annals log key` prints it. Whoever does not trust the
    /// certificate has it from elsewhere.
    pub key: String,
}

/// Why a certificate proves nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidCertificate {
    /// It is not a note of an erasure.
    #[error("not a certificate of erasure")]
    Malformed,
    /// It is of another log, or of another key.
    #[error("the certificate is signed by another key ({0})")]
    OtherKey(String),
    /// The signature does not fit.
    #[error("the signature of the certificate does not fit what it says")]
    Forged,
    /// What stands beside the note is not what it says.
    #[error("the certificate says something else beside its note")]
    Contradiction,
    /// One of its tree heads is not the log's.
    #[error(transparent)]
    Head(#[from] InvalidHead),
    /// The tree did not grow by the erasure.
    #[error("the tree heads do not enclose the erasure")]
    Order,
}

impl EventLog {
    /// Signs what became of a person's data.
    pub fn certify(&self, erasure: Erasure) -> anyhow::Result<Certificate> {
        sign(erasure, self.signer())
    }
}

fn sign(erasure: Erasure, signer: &Signer) -> anyhow::Result<Certificate> {
    let key = signer.public();
    let text = format!("{}\n{KIND}\n{}\n", key.name(), serde_json::to_string(&erasure)?);
    let signature = [&key.id()[..], &signer.sign(text.as_bytes())].concat();
    let note = format!("{text}\n— {} {}\n", key.name(), STANDARD.encode(signature));
    Ok(Certificate { erasure, note, key: key.to_string() })
}

impl Certificate {
    /// Checks that the holder of `key` signed this and both of its tree heads.
    pub fn verify(&self, key: &PublicKey) -> Result<(), InvalidCertificate> {
        let erasure = read(&self.note, key)?;
        if erasure != self.erasure {
            return Err(InvalidCertificate::Contradiction);
        }
        erasure.tree_before.verify(key)?;
        erasure.tree_after.verify(key)?;
        let encloses = erasure.tree_before.size < erasure.erased_position
            && erasure.erased_position <= erasure.tree_after.size;
        encloses.then_some(()).ok_or(InvalidCertificate::Order)
    }
}

/// What a note says, if the holder of `key` signed it.
fn read(note: &str, key: &PublicKey) -> Result<Erasure, InvalidCertificate> {
    let malformed = || InvalidCertificate::Malformed;
    let (text, signature) = note.split_once("\n\n").ok_or_else(malformed)?;
    let mut lines = text.splitn(3, '\n');
    let (origin, kind, statement) = (lines.next(), lines.next(), lines.next());
    let (Some(origin), Some(KIND), Some(statement)) = (origin, kind, statement) else {
        return Err(malformed());
    };
    let signature = signature.trim_end().strip_prefix("— ").ok_or_else(malformed)?;
    let (name, signature) = signature.split_once(' ').ok_or_else(malformed)?;
    let signature = STANDARD.decode(signature).map_err(|_| malformed())?;
    let (id, signature) = signature.split_first_chunk::<4>().ok_or_else(malformed)?;
    if origin != key.name() || name != origin || *id != key.id() {
        return Err(InvalidCertificate::OtherKey(origin.to_owned()));
    }
    if !key.is_signature(signature, format!("{text}\n").as_bytes()) {
        return Err(InvalidCertificate::Forged);
    }
    serde_json::from_str(statement).map_err(|_| malformed())
}

#[cfg(test)]
mod tests;
