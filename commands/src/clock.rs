//! The only place where time is read.

use chrono::{DateTime, SubsecRound, Utc};

/// Tells the time.
#[derive(Clone, Debug)]
pub enum Clock {
    /// The machine's.
    System,
    /// Stands still, for tests.
    Fixed(DateTime<Utc>),
}

impl Clock {
    /// The present moment, to the microsecond, as Postgres keeps it.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "this is the clock")]
    pub fn now(&self) -> DateTime<Utc> {
        match self {
            Self::System => Utc::now().trunc_subsecs(6),
            Self::Fixed(moment) => *moment,
        }
    }
}
