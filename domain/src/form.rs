//! The form in which the state of a long stream is kept beside it.

use std::fmt;

use serde::{Serialize, de::DeserializeOwned};

use crate::sealed_as_one;

/// How a state is written down. Two programs share what they keep only if their samples are equal.
///
/// A sample is a state after events of every kind, as it is stored. A test that makes it anew fails
/// when fields or what events do to them change; the new sample makes another form.
pub struct Form<A> {
    fingerprint: i64,
    write: fn(&A) -> serde_json::Result<Vec<u8>>,
    read: fn(&[u8]) -> serde_json::Result<A>,
}

impl<A: Serialize + DeserializeOwned> Form<A> {
    /// The form of states that look like `sample`.
    #[must_use]
    pub const fn like(sample: &str) -> Self {
        Self {
            fingerprint: fingerprint(sample.as_bytes()),
            write: |state| sealed_as_one(|| serde_json::to_vec(state)),
            read: |stored| sealed_as_one(|| serde_json::from_slice(stored)),
        }
    }
}

impl<A> Form<A> {
    /// Tells it from other forms.
    #[must_use]
    pub const fn fingerprint(&self) -> i64 {
        self.fingerprint
    }

    /// Writes a state down, with what is personal in clear: it must be sealed as a whole.
    pub fn write(&self, state: &A) -> serde_json::Result<Vec<u8>> {
        (self.write)(state)
    }

    /// Reads what [`Form::write`] wrote.
    pub fn read(&self, stored: &[u8]) -> serde_json::Result<A> {
        (self.read)(stored)
    }
}

impl<A> fmt::Debug for Form<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Form").field("fingerprint", &self.fingerprint).finish_non_exhaustive()
    }
}

/// FNV-1a: it is to notice changes, not attacks.
const fn fingerprint(bytes: &[u8]) -> i64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    let mut at = 0;
    while at < bytes.len() {
        hash = (hash ^ bytes[at] as u64).wrapping_mul(0x0100_0000_01b3);
        at += 1;
    }
    hash.cast_signed()
}

#[cfg(test)]
mod tests {
    use super::Form;

    #[test]
    fn another_sample_is_another_form() {
        let [one, same, other] = ["[1]", "[1]", "[2]"].map(|it| Form::<u8>::like(it).fingerprint());

        assert_eq!(one, same);
        assert_ne!(one, other);
    }
}
