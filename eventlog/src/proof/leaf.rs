//! What stands in the tree for an event: every byte of it, in one form that never changes.
//!
//! Version 1 of a leaf, numbers big-endian:
//!
//! | bytes | what |
//! |---|---|
//! | 1 | 1, the version of this form |
//! | 8 | position |
//! | 16 | stream |
//! | 8 | version in the stream |
//! | 8 | recorded at, in microseconds since 1970 |
//! | 16 | command |
//! | 2 | schema version |
//! | 4 + n | length and bytes of the stored name |
//! | 4 + n | length and bytes of the payload, as it is stored |
//! | 4 + n | length and bytes of the meta, as it is stored |

use uuid::Uuid;

use super::Digest;
use crate::{Position, RawEvent};

/// The version of the form.
const FORM: u8 = 1;
/// Bytes beside name, payload and meta.
const FIXED: usize = 71;

impl RawEvent {
    /// The digest of this event's leaf.
    #[must_use]
    pub fn leaf_digest(&self) -> Digest {
        Digest::of_leaf(&leaf(self))
    }
}

/// The bytes of an event's leaf.
#[must_use]
pub fn leaf(event: &RawEvent) -> Vec<u8> {
    let parts = [event.name.as_bytes(), &event.payload, &event.meta];
    let mut leaf = Vec::with_capacity(FIXED + parts.iter().map(|part| part.len()).sum::<usize>());
    leaf.push(FORM);
    leaf.extend(event.position.to_be_bytes());
    leaf.extend(event.stream.as_bytes());
    leaf.extend(event.version.to_be_bytes());
    leaf.extend(event.recorded_at.timestamp_micros().to_be_bytes());
    leaf.extend(event.command.as_bytes());
    leaf.extend(event.schema_version.to_be_bytes());
    for part in parts {
        // No event is larger than a few megabytes.
        leaf.extend(u32::try_from(part.len()).unwrap_or(u32::MAX).to_be_bytes());
        leaf.extend(part);
    }
    leaf
}

/// What a leaf says of its event in clear.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct LeafHead<'a> {
    pub position: Position,
    pub stream: Uuid,
    /// In microseconds since 1970.
    pub recorded_at: i64,
    pub name: &'a str,
}

impl<'a> LeafHead<'a> {
    /// Reads it back; `None` where the bytes are no leaf.
    pub(crate) fn of(leaf: &'a [u8]) -> Option<Self> {
        let number = |at: usize| Some(i64::from_be_bytes(leaf.get(at..at + 8)?.try_into().ok()?));
        let length = u32::from_be_bytes(leaf.get(59..63)?.try_into().ok()?);
        let name = leaf.get(63..63 + usize::try_from(length).ok()?)?;
        (leaf.first() == Some(&FORM)).then_some(Self {
            position: number(1)?,
            stream: Uuid::from_slice(leaf.get(9..25)?).ok()?,
            recorded_at: number(33)?,
            name: str::from_utf8(name).ok()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use chrono::DateTime;

    use super::*;

    fn event() -> RawEvent {
        RawEvent {
            position: 7,
            stream: Uuid::from_u128(1),
            version: 2,
            recorded_at: DateTime::from_timestamp_micros(1_764_041_162_123_456).unwrap_or_default(),
            command: Uuid::from_u128(3),
            name: Arc::from("user.activated"),
            schema_version: 1,
            bucket: 1,
            payload: br#"{"user.activated":{}}"#.as_slice().into(),
            meta: b"{}".as_slice().into(),
        }
    }

    #[test]
    fn what_a_leaf_says_in_clear_is_read_back() {
        let leaf = leaf(&event());

        let head = LeafHead::of(&leaf).unwrap();

        let event = event();
        assert_eq!((head.position, head.stream, head.name), (7, event.stream, "user.activated"));
        assert_eq!(head.recorded_at, event.recorded_at.timestamp_micros());
        assert!((0..leaf.len().min(63)).all(|end| LeafHead::of(&leaf[..end]).is_none()));
    }

    /// Whoever changes this form makes every tree that was ever signed worthless.
    #[test]
    fn the_form_of_a_leaf_is_what_it_always_was() {
        let text = crate::hex::hex(&leaf(&event()));

        assert_eq!(
            text,
            "01\
             0000000000000007\
             00000000000000000000000000000001\
             0000000000000002\
             00064462d6d668c0\
             00000000000000000000000000000003\
             0001\
             0000000e757365722e616374697661746564\
             000000157b22757365722e616374697661746564223a7b7d7d\
             000000027b7d"
        );
    }

    #[test]
    fn every_field_counts() {
        let changed: [fn(&mut RawEvent); 9] = [
            |event| event.position += 1,
            |event| event.stream = Uuid::nil(),
            |event| event.version += 1,
            |event| event.recorded_at += chrono::TimeDelta::microseconds(1),
            |event| event.command = Uuid::nil(),
            |event| event.schema_version += 1,
            |event| event.name = Arc::from("user.activatee"),
            |event| event.payload = b"{}".as_slice().into(),
            // A byte that moves from one part to the next.
            |event| {
                event.payload = br#"{"user.activated":{}}{"#.as_slice().into();
                event.meta = b"}".as_slice().into();
            },
        ];

        for change in changed {
            let mut other = event();
            change(&mut other);
            assert_ne!(other.leaf_digest(), event().leaf_digest(), "{other:?}");
        }
    }
}
