//! A command's outcome in the form in which it is stored.

use std::{borrow::Cow, sync::Arc};

use anyhow::{Context, ensure};
use domain::{Aggregate, Claim, Retention, with_seal};
use serde::Serialize;
use uuid::Uuid;

use crate::{EventLog, Gone, Meta, keys::SubjectKey};

/// Bytes of an event at most; it has to fit in one message of its carrier.
const MAX_EVENT: usize = 6 << 20;

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
    /// Keep a value beside others of its name.
    PutOne(&'static str, Uuid, Vec<u8>),
    /// Forget what is kept under a name.
    Drop(&'static str),
    /// Forget one of those that are kept under a name.
    DropOne(&'static str, Uuid),
    /// Destroy the key of a person: nobody will read their personal data again.
    DestroyKey(Uuid),
}

/// The name under which `log.settle` is told whose key to destroy.
const SUBJECT_KEY: &str = "subject_key";

impl Secret {
    /// The whole name of one of those that are kept under a name.
    #[must_use]
    pub fn one_of(name: &str, id: Uuid) -> String {
        format!("{name}:{id}")
    }

    pub(crate) fn name(&self) -> Cow<'static, str> {
        match self {
            Self::Put(name, _) | Self::Drop(name) => (*name).into(),
            Self::PutOne(name, id, _) | Self::DropOne(name, id) => Self::one_of(name, *id).into(),
            Self::DestroyKey(_) => SUBJECT_KEY.into(),
        }
    }

    /// What is kept under the name from now on.
    pub(crate) fn value(&self) -> Option<Vec<u8>> {
        match self {
            Self::Put(_, value) | Self::PutOne(_, _, value) => Some(value.clone()),
            Self::Drop(_) | Self::DropOne(..) => None,
            Self::DestroyKey(subject) => Some(subject.as_bytes().to_vec()),
        }
    }
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
    pub mac: [u8; 32],
}

/// What an event is known by before it has a position.
pub(crate) struct EventId {
    pub stream: Uuid,
    pub command: Uuid,
    /// Its place among the events of its command, from 0.
    pub ordinal: u32,
    /// The version of its form.
    pub schema_version: i16,
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

    /// The people whose keys it destroys.
    pub(crate) fn destroyed(&self) -> Vec<Uuid> {
        let destroyed = self.secrets.iter().filter_map(|secret| match secret {
            Secret::DestroyKey(subject) => Some(*subject),
            Secret::Put(..) | Secret::PutOne(..) | Secret::Drop(_) | Secret::DropOne(..) => None,
        });
        destroyed.collect()
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
        ensure!(!append.events.is_empty(), "a command without events");
        let key = match append.meta.subject {
            Some(subject) => self.keys.for_writing(subject).await?,
            None => SubjectKey::none(),
        };
        let meta = append.meta.store(&self.keys).await?;
        let mut encoded = Encoded {
            id: append.command,
            // What was asked may be easy to guess: nobody learns it from a receipt.
            fingerprint: self.claims.mac(&[b"fingerprint", &append.fingerprint]).to_vec(),
            stream: append.stream,
            category: A::CATEGORY as i16,
            bucket: bucket(append.stream),
            expected: match append.expected {
                Expected::Version(version) => {
                    ensure!(version >= 0, "no stream holds {version} events");
                    Some(version)
                }
                Expected::Any => None,
            },
            events: Vec::with_capacity(append.events.len()),
            takes: vec![],
            releases: vec![],
            secrets: last_of_each_name(append.secrets),
        };
        for event in append.events {
            // Nothing personal is written about somebody without a key.
            let payload = match sealed_form(&key, append.stream, event) {
                Err(_) if key.is_gone() => return Err(Gone.into()),
                payload => payload?,
            };
            let name = stored_name(&payload).context("an event is stored as {\"name\":{..}}")?;
            let (type_id, schema_version) = self.types.written(&self.pool, name).await?;
            let size = payload.len() + meta.len();
            ensure!(size <= MAX_EVENT, "an event of {size} bytes; no more than {MAX_EVENT} fit");
            let ordinal = u32::try_from(encoded.events.len())?;
            let Append { stream, command, .. } = append;
            let event_id = EventId { stream, command, ordinal, schema_version };
            let mac = self.mac(&event_id, name, &payload, &meta);
            encoded.events.push(EncodedEvent { type_id, payload, meta: meta.clone(), mac });
            for claim in A::claims(append.stream, event) {
                self.encode_claim(claim, &mut encoded);
            }
        }
        Ok(encoded)
    }

    /// The last change of a key within a command is what counts.
    fn encode_claim(&self, claim: Claim, encoded: &mut Encoded) {
        let (is_taken, scope, key) = match claim {
            Claim::Take(scope, key) => (true, scope, key),
            Claim::Release(scope, key) => (false, scope, key),
        };
        let claim = EncodedClaim { scope: scope as i16, key: self.claim_key(scope, &key) };
        encoded.takes.retain(|earlier| *earlier != claim);
        encoded.releases.retain(|earlier| *earlier != claim);
        if is_taken { &mut encoded.takes } else { &mut encoded.releases }.push(claim);
    }

    /// What proves that an event is as it was written.
    pub(crate) fn mac(&self, id: &EventId, name: &str, payload: &[u8], meta: &[u8]) -> [u8; 32] {
        let (stream, command) = (&id.stream.as_bytes()[..], &id.command.as_bytes()[..]);
        let (ordinal, version) = (id.ordinal.to_be_bytes(), id.schema_version.to_be_bytes());
        let mut parts = vec![stream, command, &ordinal, name.as_bytes(), payload, meta];
        // The first events there were say nothing of a version.
        if id.schema_version != 1 {
            parts.push(&version);
        }
        self.macs.mac(&parts)
    }
}

/// The stored form of an event. Technical data in it is sealed with the key of its month as well.
fn sealed_form(
    key: &Arc<SubjectKey>,
    stream: Uuid,
    event: &impl Serialize,
) -> anyhow::Result<Vec<u8>> {
    let write = |key: Arc<SubjectKey>| with_seal(key, stream, || serde_json::to_vec(event));
    let payload = write(Arc::clone(key))?;
    match stored_name(&payload).and_then(Retention::of_event) {
        Some(kind) => Ok(write(key.for_kind(kind)?)?),
        None => Ok(payload),
    }
}

/// What a stream keeps under a name is what came last.
fn last_of_each_name(secrets: Vec<Secret>) -> Vec<Secret> {
    let mut last: Vec<Secret> = Vec::with_capacity(secrets.len());
    for secret in secrets {
        last.retain(|earlier| earlier.name() != secret.name());
        last.push(secret);
    }
    last
}

/// The name of an event is the one key of its stored form.
pub(crate) fn stored_name(payload: &[u8]) -> Option<&str> {
    let rest = payload.strip_prefix(b"{\"")?;
    let end = rest.iter().position(|byte| *byte == b'"')?;
    std::str::from_utf8(&rest[..end]).ok()
}
