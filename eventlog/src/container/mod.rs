//! Files of compressed frames that say what they hold and whether they are whole.
//!
//! A file is the magic `ANNALSv1`, a header of JSON with its length before it, zstd frames, a footer
//! and a trailer. The footer is one more zstd frame, of JSON, that lists the frames: section, first
//! key, rows, offset, length and SHA-256. The trailer holds offset and length of the footer, SHA-256
//! of everything before that digest, and the magic again. Numbers have 64 bits, big-endian.
//!
//! The frames of a section are the tuples of Postgres' `COPY .. (format binary)`, without its header
//! and trailer, so that they can be copied in again without being understood.

mod read;
#[cfg(test)]
mod tests;
mod write;

use aws_lc_rs::digest::{SHA256, digest};
use serde::{Deserialize, Serialize};

pub(crate) use read::Reader;
pub(crate) use write::Sections;

const MAGIC: &[u8; 8] = b"ANNALSv1";
/// Offset and length of the footer, the digest, the magic.
const TRAILER: u64 = 8 + 8 + 32 + 8;
/// Bytes of a frame before it was compressed at most: a frame that holds more was not written by us.
const MAX_RAW: u64 = 64 << 20;

/// A digest of a whole file or of a frame.
pub(crate) type Digest = [u8; 32];

/// What a file holds, frame by frame.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Footer {
    pub frames: Vec<Frame>,
}

/// One frame.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Frame {
    pub section: String,
    /// What its first row is known by.
    pub first: String,
    pub rows: u64,
    pub offset: u64,
    pub length: u64,
    /// Bytes before compression.
    pub raw: u64,
    /// SHA-256 of the compressed bytes, in hex.
    pub sha256: String,
}

/// What a finished file is known by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Seal {
    pub size: u64,
    pub sha256: Digest,
}

fn sha256(bytes: &[u8]) -> Digest {
    let mut sum = [0; 32];
    sum.copy_from_slice(digest(&SHA256, bytes).as_ref());
    sum
}

/// A digest out of hex.
pub(crate) fn from_hex(text: &str) -> anyhow::Result<Digest> {
    let mut digest = [0; 32];
    anyhow::ensure!(text.is_ascii() && text.len() == 64, "not a digest: {text}");
    for (byte, place) in digest.iter_mut().zip((0..64).step_by(2)) {
        *byte = u8::from_str_radix(&text[place..place + 2], 16)?;
    }
    Ok(digest)
}
