//! Running the projections: one process leads, and follows the log with all of them.
//!
//! Those in step share everything ([`Group`]); one that is behind, refused or in trouble catches up
//! by itself ([`Straggler`]) and joins the others again.

use std::time::Duration;

use anyhow::{Context, ensure};
use eventlog::{Broker, EventLog, Feed, Lease, RawEvent};
use tokio::{
    task::JoinSet,
    time::{MissedTickBehavior, interval, sleep},
};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::{
    Checkpoint, Projection, backoff::Backoff, candidates, checkpoint, connection::connect,
    group::Group, rebuild, straggler::Straggler,
};

/// The lease of the leader, and the durable consumer of JetStream that it reads from.
const LEASE: &str = "projections";
/// How long a leader may be silent before another process takes over.
const LEASE_TIME: Duration = Duration::from_secs(5);
/// How often a leader says that it is there.
const RENEWAL: Duration = Duration::from_millis(1500);
/// How often a process that does not lead asks whether it may.
const STANDBY: Duration = Duration::from_millis(500);
/// How often a leader looks whether somebody moved a projection.
const LOOK: Duration = Duration::from_millis(500);

/// Keeps all projections up with the log until `shutdown`, whenever no other process does.
pub async fn run(log: EventLog, broker: Broker, shutdown: CancellationToken) -> anyhow::Result<()> {
    let runner = Runner { holder: Uuid::now_v7(), log, broker };
    let mut backoff = Backoff::default();
    while let Some(outcome) = shutdown.run_until_cancelled(Box::pin(runner.lead())).await {
        let pause = match outcome {
            Ok(()) => {
                backoff = Backoff::default();
                STANDBY
            }
            Err(error) => {
                tracing::error!(error = format!("{error:#}"), "projections stopped; trying again");
                backoff.next()
            }
        };
        if shutdown.run_until_cancelled(sleep(pause)).await.is_none() {
            break;
        }
    }
    if let Err(error) = Lease::release(runner.log.pool(), LEASE, runner.holder).await {
        tracing::warn!(%error, lease = LEASE, "not given back; it ends by itself");
    }
    Ok(())
}

/// Takes in all that the log holds; for tests and the command line, where nothing runs.
pub async fn catch_up(log: &EventLog) -> anyhow::Result<()> {
    let mut db = connect(log.pool()).await?;
    for projection in Projection::ALL {
        loop {
            let mut checkpoint = Checkpoint::read(log.pool(), projection).await?;
            let events = log.read(checkpoint.position()).await?;
            if events.is_empty() {
                break;
            }
            checkpoint.apply(&mut db, log, events).await?;
        }
    }
    Ok(())
}

struct Runner {
    holder: Uuid,
    log: EventLog,
    broker: Broker,
}

impl Runner {
    /// Follows the log while this process leads; returns when another one does.
    async fn lead(&self) -> anyhow::Result<()> {
        let Some(lease) = self.hold().await? else { return Ok(()) };
        let has_taken = checkpoint::take_all(self.log.pool(), lease.fence).await?;
        ensure!(has_taken, "a later leader than {} writes", lease.fence);
        tracing::info!(fence = lease.fence, "leading the projections");
        rebuild::sweep(&self.log).await.context("sweeping up after rebuilds")?;
        tokio::select! {
            failed = candidates::follow(&self.log) => failed,
            outcome = self.follow(lease.fence) => outcome,
            lost = self.renew(lease) => lost,
        }
    }

    async fn hold(&self) -> sqlx::Result<Option<Lease>> {
        Lease::hold(self.log.pool(), LEASE, self.holder, LEASE_TIME).await
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

    /// Takes batch after batch in; returns when somebody else writes the projections.
    async fn follow(&self, fence: i64) -> anyhow::Result<()> {
        let mut group = Group::new(self.log.clone(), fence);
        let mut feed = Feed::new(self.log.clone(), self.broker.clone(), LEASE, 0);
        let mut stragglers = JoinSet::new();
        let straggler = |projection| Straggler { log: self.log.clone(), projection, fence }.run();
        for projection in Projection::ALL {
            stragglers.spawn(straggler(projection));
        }
        let mut backoff = Backoff::default();
        let mut looks = interval(LOOK);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let step = tokio::select! {
                biased;
                Some(back) = stragglers.join_next() => {
                    let Some(checkpoint) = back.context("a projection panicked")? else {
                        return Ok(());
                    };
                    welcome(&mut group, &mut feed, checkpoint).await;
                    Ok(())
                }
                _ = looks.tick() => group.look().await.context("looking at the projections"),
                events = feed.next(), if group.position().is_some() => {
                    take_in(&mut group, events).await
                }
            };
            for projection in group.take_fallen() {
                stragglers.spawn(straggler(projection));
            }
            match step {
                Ok(()) => backoff = Backoff::default(),
                Err(error) => {
                    tracing::error!(error = format!("{error:#}"), "stopped; trying again");
                    sleep(backoff.next()).await;
                    if let Some(position) = group.position() {
                        feed.rewind(position);
                    }
                }
            }
        }
    }
}

/// The first to come says where the others have to come to.
async fn welcome(group: &mut Group, feed: &mut Feed, newcomer: Checkpoint) {
    if group.position().is_none() {
        feed.rewind(newcomer.position());
    }
    group.welcome(newcomer).await;
}

async fn take_in(group: &mut Group, events: anyhow::Result<Vec<RawEvent>>) -> anyhow::Result<()> {
    group.take_in(events?).await
}
