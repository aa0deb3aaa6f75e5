//! The sealer: takes what is new in the log into its tree, signs a tree head every second, and proves
//! a piece of what is old again.

use std::time::Duration;

use eventlog::{EventLog, KeptHead, Lease, MAX_BATCH, Misfit, Position, ProofError, TreeHead};
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

const LEASE: &str = "sealer";
const LEASE_TIME: Duration = Duration::from_secs(10);
const RENEWAL: Duration = Duration::from_secs(3);
/// How often a head is signed while the log grows.
const INTERVAL: Duration = Duration::from_secs(1);
/// How often the alarm is raised about a log that is not what was sealed.
const ALARM: Duration = Duration::from_secs(10);
/// Events that are proven again at once: those of one block of the tree.
const BLOCK: Position = 256;
/// How often it begins again with the first block.
const ROUND: Duration = Duration::from_hours(1);

/// Seals the log; one process at a time.
pub struct Sealer {
    log: EventLog,
    node: Uuid,
    kept: KeptHead,
}

/// How far the old events were proven again.
struct Round {
    began: Instant,
    proven: Position,
}

impl Sealer {
    /// A sealer of this process, which is called `node`; it keeps the newest head in `kept`.
    #[must_use]
    pub fn new(log: EventLog, node: Uuid, kept: KeptHead) -> Self {
        Self { log, node, kept }
    }

    /// Leads whenever no other process does, until it is told to stop.
    pub async fn run(self, shutdown: CancellationToken) {
        while let Some(outcome) = shutdown.run_until_cancelled(Box::pin(self.lead())).await {
            let pause = outcome.map_or_else(|error| report(&error), |()| INTERVAL);
            shutdown.run_until_cancelled(sleep(pause)).await;
        }
        let _ = Lease::release(self.log.pool(), LEASE, self.node).await;
    }

    /// Seals for as long as the lease is held.
    async fn lead(&self) -> anyhow::Result<()> {
        if !self.hold().await? {
            return Ok(());
        }
        let mut head = self.begin().await?;
        let mut renewed = Instant::now();
        let mut round = Round { began: renewed, proven: 0 };
        tracing::info!(size = head.size, "the sealer leads");
        loop {
            let began = Instant::now();
            if renewed.elapsed() >= RENEWAL {
                if !self.hold().await? {
                    return Ok(());
                }
                renewed = began;
            }
            let newer = self.log.seal_some().await?;
            if newer != head {
                self.keep(&newer).await;
            }
            let unsealed = self.log.head().await? - newer.size;
            measure(&newer, unsealed);
            // Far behind: what is left is taken at once.
            if unsealed < MAX_BATCH {
                self.prove_again(&newer, &mut round).await?;
                sleep(INTERVAL.saturating_sub(began.elapsed())).await;
            }
            head = newer;
        }
    }

    /// Compares the log with the head that was kept of it, and takes the first step.
    async fn begin(&self) -> anyhow::Result<TreeHead> {
        if let Some(kept) = self.kept.read().await?
            && !self.log.goes_on_from(&kept).await?
        {
            tracing::warn!(
                size = kept.size,
                epoch = kept.epoch,
                "the tree head that was kept is of another log, or of before its restore"
            );
        }
        let head = self.log.seal_some().await?;
        self.keep(&head).await;
        Ok(head)
    }

    /// Keeps a head outside of the database; where that cannot be, sealing goes on.
    async fn keep(&self, head: &TreeHead) {
        if let Err(error) = self.kept.write(head).await {
            tracing::warn!(error = format!("{error:#}"), "the tree head is not kept");
        }
    }

    /// Proves that the next block of events still is what was signed.
    async fn prove_again(&self, head: &TreeHead, round: &mut Round) -> anyhow::Result<()> {
        if round.proven >= head.size {
            if round.began.elapsed() < ROUND {
                return Ok(());
            }
            *round = Round { began: Instant::now(), proven: 0 };
        }
        let first = round.proven + 1;
        let last = (first + BLOCK - 1).min(head.size);
        // A proof for one of them takes the digests of all of them.
        match self.log.inclusion_proof(first, head.size).await {
            Ok(_) => {}
            Err(ProofError::Log(error)) => {
                return Err(error.context(format!("proving positions {first} to {last} again")));
            }
            Err(error) => return Err(error.into()),
        }
        round.proven = last;
        metrics::counter!("annals_seal_proven_events_total")
            .increment(u64::try_from(last - first + 1)?);
        Ok(())
    }

    async fn hold(&self) -> anyhow::Result<bool> {
        Ok(Lease::hold(self.log.pool(), LEASE, self.node, LEASE_TIME).await?.is_some())
    }
}

/// Says what went wrong, and how long to wait.
fn report(error: &anyhow::Error) -> Duration {
    if error.downcast_ref::<Misfit>().is_some() {
        metrics::counter!("annals_seal_alarms_total").increment(1);
        tracing::error!(
            error = format!("{error:#}"),
            "ALARM: the log is not what was sealed; nothing more is sealed. \
            `annals log verify` names the place"
        );
        return ALARM;
    }
    tracing::warn!(error = format!("{error:#}"), "the sealer starts over");
    INTERVAL
}

fn measure(head: &TreeHead, unsealed: Position) {
    metrics::gauge!("annals_seal_tree_size").set(metric(head.size));
    metrics::gauge!("annals_seal_unsealed_events").set(metric(unsealed));
    metrics::gauge!("annals_seal_last_head_timestamp_seconds")
        .set(metric(head.sealed_at.timestamp()));
}

#[expect(clippy::cast_precision_loss, reason = "metrics are floats; exact up to 2^53")]
fn metric(count: i64) -> f64 {
    count as f64
}
