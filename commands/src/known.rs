//! Streams as this process last knew them: a guess that saves a look at the log, never an answer.
//!
//! A decision that was made on a guess counts only if it is written, for then the log has found the
//! stream as it was guessed. What would be refused or change nothing is decided again on a fresh look.

use std::{
    any::{Any, TypeId},
    sync::Arc,
    time::{Duration, Instant},
};

use domain::Aggregate;
use eventlog::{Loaded, Position};
use quick_cache::{Weighter, sync::Cache};
use uuid::Uuid;

use crate::execute::Executed;

/// Streams that are known at most, about.
const CAPACITY: usize = 20_000;
/// Events that all of them hold together at most: the state of a long stream is as large.
const EVENTS: u64 = 200_000;
/// How many events one of them may hold; copying the state of a longer one costs more than its
/// snapshot saves.
const LONGEST: i64 = 4096;
/// How long a guess is worth making; whoever was erased is not remembered for longer.
const FRESH: Duration = Duration::from_mins(1);

/// What is known, by kind and id.
pub(crate) struct Known(Cache<(TypeId, Uuid), Entry, ByEvents>);

#[derive(Clone)]
struct Entry {
    state: Arc<dyn Any + Send + Sync>,
    version: i64,
    position: Position,
    since: Instant,
}

/// A stream takes as much room as it holds events.
#[derive(Clone)]
struct ByEvents;

impl Weighter<(TypeId, Uuid), Entry> for ByEvents {
    fn weight(&self, _: &(TypeId, Uuid), entry: &Entry) -> u64 {
        u64::try_from(entry.version).unwrap_or(0).max(1)
    }
}

impl Known {
    pub(crate) fn new() -> Self {
        Self(Cache::with_weighter(CAPACITY, EVENTS, ByEvents))
    }

    /// What a stream held a moment ago.
    pub(crate) fn get<A: Aggregate + Clone>(&self, stream: Uuid) -> Option<Loaded<A>> {
        let Entry { state, version, position, since } = self.0.get(&key::<A>(stream))?;
        if since.elapsed() >= FRESH {
            self.forget::<A>(stream);
            return None;
        }
        let state = state.downcast_ref::<A>()?.clone();
        Some(Loaded { state, version, position })
    }

    /// Keeps what a command has left.
    pub(crate) fn keep<A: Aggregate + Clone>(&self, stream: Uuid, executed: &Executed<A>) {
        if executed.version > LONGEST {
            return self.forget::<A>(stream);
        }
        let state = Arc::new(executed.state.clone());
        let (version, position) = (executed.version, executed.position);
        self.0.insert(key::<A>(stream), Entry { state, version, position, since: Instant::now() });
    }

    /// Forgets all streams: somebody was erased, and whose they are is not known here.
    pub(crate) fn clear(&self) {
        self.0.clear();
    }

    /// The guess was wrong, or is not to be made any more.
    pub(crate) fn forget<A: Aggregate>(&self, stream: Uuid) {
        self.0.remove(&key::<A>(stream));
    }
}

fn key<A: Aggregate>(stream: Uuid) -> (TypeId, Uuid) {
    (TypeId::of::<A>(), stream)
}

#[cfg(test)]
mod tests {
    use domain::{login::Login, session::Session};

    use super::*;

    fn left(version: i64) -> Executed<Login> {
        Executed { state: Login { failures: 3 }, version, position: 9 }
    }

    #[test]
    fn what_a_command_left_is_known() {
        let known = Known::new();

        known.keep(Uuid::nil(), &left(3));

        let found = known.get::<Login>(Uuid::nil()).unwrap();
        assert_eq!((found.state.failures, found.version, found.position), (3, 3, 9));
    }

    #[test]
    fn a_stream_is_known_as_what_it_is() {
        let known = Known::new();

        known.keep(Uuid::nil(), &left(3));

        assert!(known.get::<Session>(Uuid::nil()).is_none());
    }

    #[test]
    fn long_streams_take_room_of_each_other() {
        let known = Known::new();

        for id in 0..100 {
            known.keep(Uuid::from_u128(id), &left(LONGEST));
        }

        let kept = (0..100).filter(|id| known.get::<Login>(Uuid::from_u128(*id)).is_some()).count();
        assert!((1..=48).contains(&kept), "{kept} of 48 that fit");
    }

    #[test]
    fn a_very_long_stream_is_looked_at_each_time() {
        let known = Known::new();
        known.keep(Uuid::nil(), &left(LONGEST));

        known.keep(Uuid::nil(), &left(LONGEST + 1));

        assert!(known.get::<Login>(Uuid::nil()).is_none());
    }
}
