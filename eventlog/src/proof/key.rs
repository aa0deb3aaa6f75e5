//! The key that tree heads are signed with, and the form in which others know it: that of signed
//! notes (<https://c2sp.org/signed-note>), which the tools of other transparency logs read.

use std::{fmt, str::FromStr};

use anyhow::anyhow;
use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};
use base64::{Engine, engine::general_purpose::STANDARD};

use super::digest::sha256;
use crate::{ServiceKey, hex::hex};

/// The number of Ed25519 among the algorithms of signed notes.
const ALGORITHM: u8 = 1;

/// The public half of a log's key: what an auditor keeps. Written as `name+id+key`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicKey {
    name: String,
    bytes: [u8; 32],
}

/// Not the public key of a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a key of the form name+id+key (the output of `annals log key`)")]
pub struct InvalidKey;

/// The private half.
pub(crate) struct Signer {
    pair: Ed25519KeyPair,
    public: PublicKey,
}

impl PublicKey {
    /// The name of the log, and the first line of all its heads.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What signatures say of the key they are made with.
    #[must_use]
    pub fn id(&self) -> [u8; 4] {
        let digest = sha256(&[self.name.as_bytes(), b"\n", &[ALGORITHM], &self.bytes]);
        let [a, b, c, d, ..] = digest.0;
        [a, b, c, d]
    }

    pub(super) fn is_signature(&self, signature: &[u8], text: &[u8]) -> bool {
        UnparsedPublicKey::new(&ED25519, self.bytes).verify(text, signature).is_ok()
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = [&[ALGORITHM][..], &self.bytes].concat();
        write!(f, "{}+{}+{}", self.name, hex(&self.id()), STANDARD.encode(key))
    }
}

impl FromStr for PublicKey {
    type Err = InvalidKey;

    fn from_str(text: &str) -> Result<Self, InvalidKey> {
        // The key itself may hold a plus.
        let mut parts = text.trim().splitn(3, '+');
        let (Some(name), Some(id), Some(key)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(InvalidKey);
        };
        let key = STANDARD.decode(key).map_err(|_| InvalidKey)?;
        let Some((&ALGORITHM, bytes)) = key.split_first() else { return Err(InvalidKey) };
        let bytes = bytes.try_into().map_err(|_| InvalidKey)?;
        let key = Self { name: name.to_owned(), bytes };
        let is_named = !name.is_empty() && !name.contains(char::is_whitespace);
        (is_named && hex(&key.id()) == id).then_some(key).ok_or(InvalidKey)
    }
}

impl Signer {
    pub(super) fn new(seed: &ServiceKey) -> anyhow::Result<Self> {
        let pair = Ed25519KeyPair::from_seed_unchecked(seed.bytes())
            .map_err(|error| anyhow!("an Ed25519 seed: {error}"))?;
        let mut bytes = [0; 32];
        bytes.copy_from_slice(pair.public_key().as_ref());
        // A name that moves with the log: addresses change.
        let name = format!("annals/{}", hex(&sha256(&[&bytes]).0[..8]));
        Ok(Self { pair, public: PublicKey { name, bytes } })
    }

    pub(crate) fn public(&self) -> &PublicKey {
        &self.public
    }

    pub(super) fn sign(&self, text: &[u8]) -> Vec<u8> {
        self.pair.sign(text).as_ref().to_vec()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_read_as_it_was_written() {
        let key = Signer::new(&ServiceKey::from_bytes([7; 32])).unwrap().public().clone();

        assert_eq!(key.to_string().parse(), Ok(key));
    }

    /// The example of the specification of signed notes, from Go's package `note`.
    #[test]
    fn keys_of_other_logs_are_read() {
        let text = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";

        let key: PublicKey = text.parse().unwrap();

        assert_eq!((key.name(), key.id()), ("PeterNeumann", [0xc7, 0x4f, 0x20, 0xa3]));
        assert_eq!(key.to_string(), text);
    }

    #[test]
    fn what_is_no_key_is_refused() {
        for text in [
            "",
            "name",
            "name+c74f20a3",
            "PeterNeumann+c74f20a4+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
            "Peter+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
            "PeterNeumann+c74f20a3+AhPc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
        ] {
            assert_eq!(text.parse::<PublicKey>(), Err(InvalidKey), "{text}");
        }
    }
}
