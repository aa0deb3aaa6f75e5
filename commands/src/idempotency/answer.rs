//! An answer in the form in which it is kept.

use anyhow::Context;
use serde::{Deserialize, Serialize};

/// An answer that may be given again, byte for byte.
#[derive(Clone, PartialEq, Eq)]
pub struct StoredAnswer {
    /// Its status.
    pub status: u16,
    /// Its headers.
    pub headers: Vec<(String, String)>,
    /// Its body.
    pub body: Vec<u8>,
}

#[derive(Serialize, Deserialize)]
struct Head {
    status: u16,
    headers: Vec<(String, String)>,
}

impl StoredAnswer {
    /// The head as a line of JSON, and the body as it is.
    pub(super) fn to_bytes(&self) -> anyhow::Result<Vec<u8>> {
        let head = Head { status: self.status, headers: self.headers.clone() };
        let mut bytes = serde_json::to_vec(&head)?;
        bytes.push(b'\n');
        bytes.extend_from_slice(&self.body);
        Ok(bytes)
    }

    pub(super) fn from_bytes(bytes: &[u8]) -> anyhow::Result<Self> {
        let end = bytes.iter().position(|byte| *byte == b'\n').context("an answer has a head")?;
        let Head { status, headers } = serde_json::from_slice(&bytes[..end])?;
        Ok(Self { status, headers, body: bytes[end + 1..].to_vec() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_comes_back_as_it_was() {
        let answer = StoredAnswer {
            status: 201,
            headers: vec![("content-type".into(), "application/json".into())],
            body: b"{\n}\n\xff".to_vec(),
        };

        let read = StoredAnswer::from_bytes(&answer.to_bytes().unwrap()).unwrap();

        assert!(read == answer);
    }

    #[test]
    fn what_has_no_head_is_no_answer() {
        assert!(StoredAnswer::from_bytes(b"").is_err());
        assert!(StoredAnswer::from_bytes(b"{}\n").is_err());
    }
}
