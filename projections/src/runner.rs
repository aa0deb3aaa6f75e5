//! Running the projections: each has one leader among all processes, and follows the log.

use std::time::Duration;

use anyhow::Context;
use eventlog::{Broker, EventLog, Feed, Lease};
use tokio::{task::JoinSet, time::sleep};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::{Projection, Refused, checkpoint::Checkpoint};

/// How long a leader may be silent before another process takes over.
const LEASE: Duration = Duration::from_secs(15);
/// How often a leader says that it is there.
const RENEWAL: Duration = Duration::from_secs(5);
/// How often a process that does not lead asks whether it may.
const STANDBY: Duration = Duration::from_secs(1);
/// How often a projection that is refused says so.
const REFUSAL: Duration = Duration::from_secs(10);

/// Keeps all projections up with the log until `shutdown`.
pub async fn run(log: EventLog, broker: Broker, shutdown: CancellationToken) -> anyhow::Result<()> {
    let holder = Uuid::now_v7();
    let mut runners = JoinSet::new();
    for projection in Projection::ALL {
        let runner = Runner { projection, holder, log: log.clone(), broker: broker.clone() };
        runners.spawn(runner.run(shutdown.clone()));
    }
    while let Some(ended) = runners.join_next().await {
        ended.context("running a projection")?;
    }
    Ok(())
}

/// Takes in all that the log holds; for tests and the command line, where nothing runs.
pub async fn catch_up(log: &EventLog) -> anyhow::Result<()> {
    for projection in Projection::ALL {
        loop {
            let mut checkpoint = Checkpoint::read(log.pool(), projection).await?;
            let events = log.read(checkpoint.position()).await?;
            if events.is_empty() {
                break;
            }
            let events = log.decode(events).await?;
            checkpoint.apply(log, &events).await?;
        }
    }
    Ok(())
}

/// Keeps one projection up.
struct Runner {
    projection: Projection,
    holder: Uuid,
    log: EventLog,
    broker: Broker,
}

impl Runner {
    async fn run(self, shutdown: CancellationToken) {
        let mut backoff = Backoff::default();
        while let Some(outcome) = shutdown.run_until_cancelled(Box::pin(self.lead())).await {
            let pause = match outcome {
                Ok(()) => {
                    backoff = Backoff::default();
                    STANDBY
                }
                Err(error) if error.is::<Refused>() => {
                    tracing::error!("{error}");
                    REFUSAL
                }
                Err(error) => {
                    self.report(&error);
                    backoff.next()
                }
            };
            if shutdown.run_until_cancelled(sleep(pause)).await.is_none() {
                break;
            }
        }
        let lease = self.lease();
        if let Err(error) = Lease::release(self.log.pool(), &lease, self.holder).await {
            tracing::warn!(%error, lease, "not given back; it ends by itself");
        }
    }

    /// Follows the log while this process leads; returns when another one does.
    async fn lead(&self) -> anyhow::Result<()> {
        let Some(lease) = self.hold().await? else { return Ok(()) };
        let checkpoint = Checkpoint::take(self.log.pool(), self.projection, lease.fence).await?;
        tracing::info!(
            projection = self.projection.name(),
            checkpoint = checkpoint.position(),
            fence = lease.fence,
            "leading"
        );
        tokio::select! {
            () = self.follow(checkpoint) => Ok(()),
            lost = self.renew(lease) => lost,
        }
    }

    async fn hold(&self) -> sqlx::Result<Option<Lease>> {
        Lease::hold(self.log.pool(), &self.lease(), self.holder, LEASE).await
    }

    /// Keeps the lease; returns when it was lost.
    async fn renew(&self, lease: Lease) -> anyhow::Result<()> {
        loop {
            sleep(RENEWAL).await;
            if self.hold().await.context("renewing a lease")? != Some(lease) {
                return Ok(());
            }
        }
    }

    /// Takes batch after batch in; returns when somebody else moved the projection.
    async fn follow(&self, mut checkpoint: Checkpoint) {
        let consumer = format!("projection_{}", self.projection.name());
        let position = checkpoint.position();
        let mut feed = Feed::new(self.log.clone(), self.broker.clone(), consumer, position);
        let mut backoff = Backoff::default();
        loop {
            match self.next_batch(&mut feed, &mut checkpoint).await {
                Ok(true) => backoff = Backoff::default(),
                Ok(false) => return,
                Err(error) => {
                    self.report(&error);
                    sleep(backoff.next()).await;
                    feed.rewind(checkpoint.position());
                }
            }
        }
    }

    async fn next_batch(
        &self,
        feed: &mut Feed,
        checkpoint: &mut Checkpoint,
    ) -> anyhow::Result<bool> {
        let events = feed.next().await?;
        checkpoint.apply(&self.log, &events).await
    }

    fn report(&self, error: &anyhow::Error) {
        let projection = self.projection.name();
        metrics::counter!("annals_projection_failures_total", "projection" => projection)
            .increment(1);
        tracing::error!(projection, error = format!("{error:#}"), "stopped; trying again");
    }

    fn lease(&self) -> String {
        format!("projection.{}", self.projection.name())
    }
}

/// Pauses that grow from failure to failure.
struct Backoff(Duration);

impl Default for Backoff {
    fn default() -> Self {
        Self(Duration::from_millis(100))
    }
}

impl Backoff {
    fn next(&mut self) -> Duration {
        let pause = self.0;
        self.0 = (pause * 2).min(Duration::from_secs(10));
        pause
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::Backoff;

    #[test]
    fn pauses_grow_up_to_ten_seconds() {
        let mut backoff = Backoff::default();

        let pauses: Vec<_> = std::iter::repeat_with(|| backoff.next()).take(9).collect();

        assert_eq!(pauses[..2], [Duration::from_millis(100), Duration::from_millis(200)]);
        assert_eq!(pauses[8], Duration::from_secs(10));
    }
}
