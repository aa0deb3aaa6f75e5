//! How many events a second are taken in.

use std::time::{Duration, Instant};

/// Over how long it is measured.
const SPAN: Duration = Duration::from_secs(1);

/// Counts, and says how fast it went in the last second or so.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Pace {
    since: Instant,
    events: usize,
    per_second: f64,
}

impl Default for Pace {
    fn default() -> Self {
        Self { since: Instant::now(), events: 0, per_second: 0.0 }
    }
}

impl Pace {
    pub(crate) fn per_second(&self) -> f64 {
        self.per_second
    }

    #[expect(clippy::cast_precision_loss, reason = "a rate is not exact")]
    pub(crate) fn count(&mut self, events: usize) {
        self.events += events;
        let elapsed = self.since.elapsed();
        if elapsed >= SPAN {
            self.per_second = self.events as f64 / elapsed.as_secs_f64();
            self.events = 0;
            self.since = Instant::now();
        }
    }
}
