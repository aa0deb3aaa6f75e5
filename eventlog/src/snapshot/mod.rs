//! States of long streams, kept beside the log so that a stream need not be read from its first event.
//!
//! A snapshot is never needed: one that is missing, old, damaged, forged or of another program's form
//! only means that more is read. It is sealed as a whole, with a key that is made of the service's, of
//! the person's, and of those of the months that it took something from: it goes with each of them.
//! What it was sealed for (stream, version, form, epoch of the log ..) it cannot be used apart from.

mod read;
mod take;
mod worker;

use std::{
    collections::{BTreeSet, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use domain::Aggregate;
use uuid::Uuid;

use crate::{EventLog, Loaded, Position, ServiceKey, follow::Place, keys::SubjectKey};

pub(crate) use crate::retention::Period;
pub(crate) use worker::Snapshots;

/// A stream gets its first snapshot when it holds so many events.
const FIRST: i64 = 64;
/// The part of a long stream that is read after its snapshot at most: a 32nd, lest all of it is
/// written too often.
const PART: i64 = 32;

/// The months whose keys were needed to read a stream.
pub(crate) type Months = BTreeSet<Period>;

/// A stream's state, and whose keys were needed for it.
pub(crate) struct Folded<A> {
    pub loaded: Loaded<A>,
    pub sources: Sources,
    /// How many events were read for it, after the snapshot.
    pub read: usize,
}

/// Whose data is in a state.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sources {
    subjects: BTreeSet<Uuid>,
    months: Months,
    /// Somebody in it was erased.
    is_torn: bool,
}

/// What a snapshot is good for, and for nothing else.
struct Label {
    stream: Uuid,
    category: i16,
    form: i64,
    version: i64,
    position: Position,
    epoch: i64,
    subject: Option<Uuid>,
    months: Vec<String>,
}

impl<A: Aggregate> Default for Folded<A> {
    fn default() -> Self {
        let loaded = Loaded { state: A::default(), version: 0, position: 0 };
        Self { loaded, sources: Sources::default(), read: 0 }
    }
}

impl<A> Folded<A> {
    pub(crate) fn place(&self) -> Place {
        Place { version: self.loaded.version, position: self.loaded.position }
    }

    /// Whether more was read than with a good snapshot, and one can be taken.
    pub(crate) fn was_long(&self) -> bool {
        let most = 2 * step(self.loaded.version);
        self.sources.can_be_sealed() && i64::try_from(self.read).is_ok_and(|read| read > most)
    }
}

impl Sources {
    pub(crate) fn add(
        &mut self,
        subjects: impl Iterator<Item = Uuid>,
        keys: &HashMap<Uuid, Arc<SubjectKey>>,
    ) {
        self.subjects.extend(subjects);
        let is_gone = |subject| keys.get(subject).is_none_or(|key| key.is_gone());
        self.is_torn |= self.subjects.iter().any(is_gone);
    }

    pub(crate) fn opened(&mut self, months: &Mutex<Months>) {
        self.months.extend(Self::lock(months).iter());
    }

    pub(crate) fn lock(months: &Mutex<Months>) -> MutexGuard<'_, Months> {
        months.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// With the key of one person: what tells of two cannot be forgotten with one of them.
    fn can_be_sealed(&self) -> bool {
        !self.is_torn && self.subjects.len() <= 1
    }

    fn subject(&self) -> Option<Uuid> {
        self.subjects.first().copied()
    }
}

impl Label {
    fn context(&self) -> Vec<u8> {
        let subject = self.subject.unwrap_or_default();
        let months = self.months.join(" ");
        let parts: [&[u8]; 9] = [
            b"snapshot 1 ",
            self.stream.as_bytes(),
            &self.category.to_be_bytes(),
            &self.form.to_be_bytes(),
            &self.version.to_be_bytes(),
            &self.position.to_be_bytes(),
            &self.epoch.to_be_bytes(),
            subject.as_bytes(),
            months.as_bytes(),
        ];
        parts.concat()
    }
}

impl EventLog {
    /// The key of a snapshot; `None` once one of those is gone of which it is made.
    async fn snapshot_key(
        &self,
        subject: Option<Uuid>,
        months: &Months,
    ) -> anyhow::Result<Option<ServiceKey>> {
        let mut key = self.snapshots.key().clone();
        let keys = self.keys.for_reading(subject.into_iter()).await?;
        if let Some(subject) = subject {
            let Some(joined) = keys.get(&subject).and_then(|own| own.joined(&key)) else {
                return Ok(None);
            };
            key = joined;
        }
        for month in months {
            let Some(its) = self.keys.periods().key(*month) else { return Ok(None) };
            key = ServiceKey::from_bytes(key.mac(&[b"month", its.bytes()]));
        }
        Ok(Some(key))
    }
}

/// After how many events a stream that holds `version` gets another snapshot.
fn step(version: i64) -> i64 {
    let part = u64::try_from(version / PART).unwrap_or(0);
    let power = part.checked_ilog2().map_or(0, |power| 1 << power);
    FIRST.max(power)
}

/// Whether a snapshot is due after a stream came from one version to another.
fn is_due(before: i64, after: i64) -> bool {
    let step = step(after);
    before / step < after / step
}

/// Counts how reading a snapshot went.
pub(crate) fn count(outcome: &'static str) {
    metrics::counter!("annals_snapshot_reads_total", "outcome" => outcome).increment(1);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_snapshot_is_due_when_a_step_is_passed() {
        let due: Vec<_> = (1..200).filter(|after| is_due(after - 1, *after)).collect();

        assert_eq!(due, [64, 128, 192]);
        assert!(is_due(60, 70), "a command of several events may step over it");
        assert!(!is_due(64, 127));
    }

    #[test]
    fn steps_grow_with_the_stream() {
        assert_eq!([0, 64, 4095, 4096, 100_000].map(step), [64, 64, 64, 128, 2048]);
    }

    #[test]
    fn what_tells_of_two_people_is_not_kept() {
        let (ada, bob) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let of = |subjects: &[Uuid]| Sources {
            subjects: subjects.iter().copied().collect(),
            ..Sources::default()
        };

        assert!(of(&[]).can_be_sealed() && of(&[ada]).can_be_sealed());
        assert!(!of(&[ada, bob]).can_be_sealed());
    }

    #[test]
    fn whoever_has_no_key_any_more_tears_a_state() {
        let mut sources = Sources::default();

        sources.add(std::iter::once(Uuid::from_u128(1)), &HashMap::new());

        assert!(!sources.can_be_sealed());
    }
}
