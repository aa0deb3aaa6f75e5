//! Handing messages over: each once, again after a failure, and given up in the end.

use std::time::Duration;

use chrono::{DateTime, Utc};
use sqlx::PgPool;

use crate::{
    consume::Verdict,
    effect::{self, Claim},
};

/// How long a worker may take to hand a message over; longer than any conversation may last.
const CLAIM: Duration = Duration::from_secs(15);
/// How soon to look again at what another worker is at.
const BUSY: Duration = Duration::from_secs(3);

/// A kind of message.
pub(crate) struct Kind {
    /// What people call one.
    pub name: &'static str,
    /// Counts them by outcome.
    pub metric: &'static str,
    /// Attempts before one is parked.
    pub attempts: i32,
    /// Pauses are 2 s, 4 s, 8 s .. two to the power of this.
    pub longest: i32,
}

impl Kind {
    /// Hands a message over if it falls to us; `handing` does it, and is only asked for then.
    pub(crate) async fn deliver(
        &self,
        pool: &PgPool,
        (key, recorded_at): (&str, DateTime<Utc>),
        handing: impl Future<Output = Result<(), String>>,
    ) -> anyhow::Result<Verdict> {
        let attempt = match effect::claim(pool, (key, recorded_at), CLAIM).await? {
            Claim::Over => return Ok(Verdict::Done),
            Claim::Busy => return Ok(Verdict::Again(BUSY)),
            Claim::Go(attempt) => attempt,
        };
        match handing.await {
            Ok(()) => {
                effect::settle(pool, (key, attempt), "accepted").await?;
                self.count("sent");
                Ok(Verdict::Done)
            }
            Err(error) if attempt >= self.attempts => {
                tracing::error!(error, key, "{} is parked", self.name);
                self.count("parked");
                effect::park(pool, (key, attempt), &error).await?;
                Ok(Verdict::Done)
            }
            Err(error) => {
                tracing::warn!(error, key, attempt, "{} has to wait", self.name);
                let pause = Duration::from_secs(1 << attempt.clamp(1, self.longest));
                effect::release(pool, (key, attempt), pause, &error).await?;
                Ok(Verdict::Again(pause))
            }
        }
    }

    /// There is nothing to say any more.
    pub(crate) fn withhold(&self) -> Verdict {
        self.count("withheld");
        Verdict::Done
    }

    fn count(&self, outcome: &'static str) {
        metrics::counter!(self.metric, "outcome" => outcome).increment(1);
    }
}
