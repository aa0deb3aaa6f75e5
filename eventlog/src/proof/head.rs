//! Signed tree heads: what the service vouches for, as a checkpoint (<https://c2sp.org/tlog-checkpoint>).
//!
//! ```text
//! annals/0123456789abcdef              the name of the log
//! 512                                  how many events the tree has
//! 5dc9da79...=                         its root
//! epoch 1                              how often the log was restored from a backup, from 1
//! time 2026-01-06T12:00:00.000000Z     when it was signed
//!
//! — annals/0123456789abcdef Wm8d...=   key id and Ed25519 signature over the lines above
//! ```

use base64::{Engine, engine::general_purpose::STANDARD};
use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Deserialize, Serialize};

use super::{Digest, PublicKey, key::Signer};
use crate::Position;

/// Bytes of the id of a key before the signature.
const KEY_ID: usize = 4;

/// A tree of all events up to a position, as the service signed it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "Form", try_from = "Form")]
pub struct TreeHead {
    /// The name of the log.
    pub origin: String,
    /// How many events it has: the last one's position.
    pub size: Position,
    /// The digest of the tree.
    pub root: Digest,
    /// How often the log was restored from a backup, from 1.
    pub epoch: i64,
    /// When it was signed.
    pub sealed_at: DateTime<Utc>,
    /// The key it was signed with.
    pub key_id: [u8; KEY_ID],
    /// The signature over [`TreeHead::text`].
    pub signature: Vec<u8>,
}

/// Why a tree head proves nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidHead {
    /// It is not a note of a tree head.
    #[error("not a signed tree head")]
    Malformed,
    /// It is of another log, or of another key.
    #[error("the tree head is signed by another key ({0})")]
    OtherKey(String),
    /// The signature does not fit.
    #[error("the signature of the tree head does not fit what it says")]
    Forged,
}

/// A tree head in JSON: the note, and beside it what it says.
#[derive(Serialize, Deserialize)]
struct Form {
    size: Position,
    root: Digest,
    epoch: i64,
    sealed_at: DateTime<Utc>,
    note: String,
}

/// What a tree head says, before it is signed.
pub(super) struct Statement {
    pub size: Position,
    pub root: Digest,
    pub epoch: i64,
    pub at: DateTime<Utc>,
}

impl TreeHead {
    pub(super) fn sign(statement: &Statement, signer: &Signer) -> Self {
        let Statement { size, root, epoch, at: sealed_at } = *statement;
        let key = signer.public();
        let (origin, key_id, signature) = (key.name().to_owned(), key.id(), vec![]);
        let unsigned = Self { origin, size, root, epoch, sealed_at, key_id, signature };
        let signature = signer.sign(unsigned.text().as_bytes());
        Self { signature, ..unsigned }
    }

    /// Checks that the holder of `key` signed this.
    pub fn verify(&self, key: &PublicKey) -> Result<(), InvalidHead> {
        if self.origin != key.name() || self.key_id != key.id() {
            return Err(InvalidHead::OtherKey(self.origin.clone()));
        }
        let is_signed = key.is_signature(&self.signature, self.text().as_bytes());
        is_signed.then_some(()).ok_or(InvalidHead::Forged)
    }

    /// The lines that are signed.
    #[must_use]
    pub fn text(&self) -> String {
        let Self { origin, size, root, epoch, sealed_at, .. } = self;
        let time = sealed_at.to_rfc3339_opts(SecondsFormat::Micros, true);
        format!("{origin}\n{size}\n{root}\nepoch {epoch}\ntime {time}\n")
    }

    /// The whole note, for whoever keeps it.
    #[must_use]
    pub fn note(&self) -> String {
        let signature = [&self.key_id[..], &self.signature].concat();
        format!("{}\n— {} {}\n", self.text(), self.origin, STANDARD.encode(signature))
    }

    /// Reads a note; what others have signed below is left aside.
    pub fn parse(note: &str) -> Result<Self, InvalidHead> {
        Self::read(note).filter(|head| note.starts_with(&head.text())).ok_or(InvalidHead::Malformed)
    }

    fn read(note: &str) -> Option<Self> {
        let (text, signatures) = note.split_once("\n\n")?;
        let mut lines = text.lines();
        let origin = lines.next()?;
        let size = lines.next()?.parse().ok().filter(|size| *size >= 0)?;
        let root = lines.next()?.parse().ok()?;
        let epoch = lines.next()?.strip_prefix("epoch ")?.parse().ok()?;
        let time = lines.next()?.strip_prefix("time ")?;
        let sealed_at = DateTime::parse_from_rfc3339(time).ok()?.to_utc();
        let of_log = |line: &str| {
            let (name, signature) = line.strip_prefix("— ")?.split_once(' ')?;
            (name == origin).then(|| signature.to_owned())
        };
        let signature = STANDARD.decode(signatures.lines().find_map(of_log)?).ok()?;
        let (key_id, signature) = signature.split_first_chunk::<KEY_ID>()?;
        let (origin, key_id, signature) = (origin.to_owned(), *key_id, signature.to_vec());
        Some(Self { origin, size, root, epoch, sealed_at, key_id, signature })
    }
}

impl From<TreeHead> for Form {
    fn from(head: TreeHead) -> Self {
        let note = head.note();
        let TreeHead { size, root, epoch, sealed_at, .. } = head;
        Self { size, root, epoch, sealed_at, note }
    }
}

impl TryFrom<Form> for TreeHead {
    type Error = InvalidHead;

    /// The note is what counts; what stands beside it must not say anything else.
    fn try_from(form: Form) -> Result<Self, InvalidHead> {
        let head = Self::parse(&form.note)?;
        let is_same = head.size == form.size && head.root == form.root;
        is_same.then_some(head).ok_or(InvalidHead::Malformed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ServiceKey;

    fn signer(seed: u8) -> Signer {
        Signer::new(&ServiceKey::from_bytes([seed; 32])).unwrap()
    }

    fn head() -> TreeHead {
        let at = DateTime::from_timestamp_micros(1_767_700_800_000_000).unwrap();
        let statement = Statement { size: 512, root: Digest::of_leaf(b"x"), epoch: 1, at };
        TreeHead::sign(&statement, &signer(7))
    }

    #[test]
    fn a_head_is_a_checkpoint_in_the_form_of_transparency_logs() {
        insta::assert_snapshot!(head().note());
    }

    #[test]
    fn a_head_is_read_as_it_was_written() {
        assert_eq!(TreeHead::parse(&head().note()), Ok(head()));
        let json = serde_json::to_string(&head()).unwrap();
        assert_eq!(serde_json::from_str::<TreeHead>(&json).unwrap(), head());
    }

    #[test]
    fn witnesses_may_sign_as_well() {
        let note = head().note() + "— witness.example/w1 AAAAAAAAAAAA\n";

        assert_eq!(TreeHead::parse(&note), Ok(head()));
    }

    #[test]
    fn only_its_own_key_has_signed_it() {
        assert_eq!(head().verify(signer(7).public()), Ok(()));
        assert!(matches!(head().verify(signer(8).public()), Err(InvalidHead::OtherKey(_))));
    }

    #[test]
    fn a_head_that_was_changed_is_forged() {
        let changes: [fn(&mut TreeHead); 5] = [
            |head| head.size += 1,
            |head| head.root = Digest::of_nothing(),
            |head| head.epoch += 1,
            |head| head.sealed_at += chrono::TimeDelta::microseconds(1),
            |head| head.signature[9] ^= 1,
        ];
        for change in changes {
            let mut other = head();
            change(&mut other);
            assert_eq!(other.verify(signer(7).public()), Err(InvalidHead::Forged), "{other:?}");
        }
    }

    #[test]
    fn what_is_no_head_is_refused() {
        let note = head().note();
        for text in [
            "",
            "annals\n512\n",
            &note.replace("512", "-1"),
            &note.replace("512", "0512"),
            &note.replace("epoch", "era"),
            &note.replace("— annals", "— other"),
        ] {
            assert_eq!(TreeHead::parse(text), Err(InvalidHead::Malformed), "{text}");
        }
        let mut form: serde_json::Value = serde_json::to_value(head()).unwrap();
        form["size"] = 511.into();
        assert!(serde_json::from_value::<TreeHead>(form).is_err());
    }
}
