//! A command's outcome in the form in which it is stored.

use std::sync::Arc;

use anyhow::Context;
use domain::{Aggregate, Claim, with_seal};
use uuid::Uuid;

use crate::{EventLog, Meta, keys::SubjectKey};

/// What one command adds to one stream.
pub struct Append<'a, A: Aggregate> {
    /// The stream.
    pub stream: Uuid,
    /// How far the stream must have come.
    pub expected: Expected,
    /// What happened; not empty.
    pub events: &'a [A::Event],
    /// What is written beside the events and never in them.
    pub secrets: Vec<Secret>,
    /// Who, about whom, as part of what.
    pub meta: &'a Meta,
    /// The same id with the same fingerprint is done once; a retry gets the first answer.
    pub command: Uuid,
    /// A digest of what was asked.
    pub fingerprint: Vec<u8>,
}

/// How far a stream must have come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expected {
    /// It holds so many events.
    Version(i64),
    /// It does not matter.
    Any,
}

/// A change to what a stream keeps beside its events.
#[derive(Clone)]
pub enum Secret {
    /// Keep a value under a name.
    Put(&'static str, Vec<u8>),
    /// Forget it.
    Drop(&'static str),
}

/// A command ready for the batcher.
#[derive(Clone)]
pub(crate) struct Encoded {
    pub id: Uuid,
    pub fingerprint: Vec<u8>,
    pub stream: Uuid,
    pub category: i16,
    pub bucket: i16,
    pub expected: Option<i64>,
    pub events: Vec<EncodedEvent>,
    pub takes: Vec<EncodedClaim>,
    pub releases: Vec<EncodedClaim>,
    pub secrets: Vec<Secret>,
}

#[derive(Clone)]
pub(crate) struct EncodedEvent {
    pub type_id: i32,
    pub payload: Vec<u8>,
    pub meta: Vec<u8>,
}

#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) struct EncodedClaim {
    pub scope: i16,
    pub key: [u8; 32],
}

impl Encoded {
    /// Bytes of its events, for the limit of a batch.
    pub(crate) fn size(&self) -> usize {
        self.events.iter().map(|event| event.payload.len() + event.meta.len()).sum()
    }
}

/// The bucket of a stream: consumers share the work by it.
pub(crate) fn bucket(stream: Uuid) -> i16 {
    // The last byte of every UUID version in use is random or a digest.
    i16::from(stream.as_bytes()[15])
}

impl EventLog {
    pub(crate) async fn encode<A: Aggregate>(
        &self,
        append: Append<'_, A>,
    ) -> anyhow::Result<Encoded> {
        let key = match append.meta.subject {
            Some(subject) => self.keys.for_writing(subject).await?,
            None => SubjectKey::none(),
        };
        let meta = serde_json::to_vec(append.meta)?;
        let mut encoded = Encoded {
            id: append.command,
            fingerprint: append.fingerprint,
            stream: append.stream,
            category: A::CATEGORY as i16,
            bucket: bucket(append.stream),
            expected: match append.expected {
                Expected::Version(version) => Some(version),
                Expected::Any => None,
            },
            events: Vec::with_capacity(append.events.len()),
            takes: vec![],
            releases: vec![],
            secrets: append.secrets,
        };
        for event in append.events {
            let key = Arc::clone(&key);
            let payload = with_seal(key, append.stream, || serde_json::to_vec(event))?;
            let name = stored_name(&payload).context("an event is stored as {\"name\":{..}}")?;
            let type_id = self.types.id(&self.pool, name).await?;
            encoded.events.push(EncodedEvent { type_id, payload, meta: meta.clone() });
            for claim in A::claims(append.stream, event) {
                self.encode_claim(claim, &mut encoded);
            }
        }
        Ok(encoded)
    }

    fn encode_claim(&self, claim: Claim, encoded: &mut Encoded) {
        let (list, scope, key) = match claim {
            Claim::Take(scope, key) => (&mut encoded.takes, scope, key),
            Claim::Release(scope, key) => (&mut encoded.releases, scope, key),
        };
        list.push(EncodedClaim { scope: scope as i16, key: self.claim_key(scope, &key) });
    }
}

/// The name of an event is the one key of its stored form.
pub(crate) fn stored_name(payload: &[u8]) -> Option<&str> {
    let rest = payload.strip_prefix(b"{\"")?;
    let end = rest.iter().position(|byte| *byte == b'"')?;
    std::str::from_utf8(&rest[..end]).ok()
}
