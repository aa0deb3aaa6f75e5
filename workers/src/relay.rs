//! The relay: publishes every event, in order, to `JetStream`, so that broker sequence equals position.
//!
//! It keeps no checkpoint: after a crash it goes on from the broker's own last sequence.

use std::{collections::VecDeque, time::Duration};

use anyhow::{Context, ensure};
use async_nats::jetstream::context::PublishAckFuture;
use eventlog::{Broker, EventLog, Lease, Position};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// Events published but not acknowledged at most.
const WINDOW: usize = 2048;
const LEASE: &str = "relay";
const LEASE_TIME: Duration = Duration::from_secs(10);
const RENEWAL: Duration = Duration::from_secs(3);
/// How soon events of other processes are noticed.
const POLL: Duration = Duration::from_millis(20);
const PAUSE: Duration = Duration::from_millis(250);

/// Publishes the log; one process at a time.
pub struct Relay {
    log: EventLog,
    broker: Broker,
    node: Uuid,
}

impl Relay {
    /// A relay of this process, which is called `node`.
    #[must_use]
    pub fn new(log: EventLog, broker: Broker, node: Uuid) -> Self {
        Self { log, broker, node }
    }

    /// Leads whenever no other process does, until it is told to stop.
    pub async fn run(self, shutdown: CancellationToken) {
        while !shutdown.is_cancelled() {
            if self.broker.is_connected()
                && let Err(error) = self.lead(&shutdown).await
            {
                tracing::warn!(error = format!("{error:#}"), "the relay starts over");
            }
            tokio::select! {
                () = shutdown.cancelled() => {}
                () = tokio::time::sleep(PAUSE) => {}
            }
        }
        let _ = Lease::release(self.log.pool(), LEASE, self.node).await;
    }

    /// Publishes for as long as the lease is held and the broker takes what it is given.
    async fn lead(&self, shutdown: &CancellationToken) -> anyhow::Result<()> {
        if !self.hold().await? {
            return Ok(());
        }
        let epoch = self.log.epoch().await?;
        let mut last = self.resume(epoch).await?;
        let mut renewed = Instant::now();
        let mut written = self.log.written();
        tracing::info!(position = last, "the relay leads");
        while !shutdown.is_cancelled() {
            if renewed.elapsed() >= RENEWAL {
                if !self.hold().await? {
                    return Ok(());
                }
                renewed = Instant::now();
            }
            written.borrow_and_update();
            let sent = self.publish(last, epoch).await?;
            if sent == last {
                tokio::select! {
                    () = shutdown.cancelled() => {}
                    _ = written.changed() => {}
                    () = tokio::time::sleep(POLL) => {}
                }
            }
            last = sent;
        }
        Ok(())
    }

    /// The position to go on after: the broker's last one, if it is of this log.
    async fn resume(&self, epoch: i64) -> anyhow::Result<Position> {
        let last = self.broker.last_position(self.log.head().await?, epoch).await?;
        // Asked again, and later than the broker: another relay may have been publishing until now.
        let head = self.log.head().await?;
        let newest = if last > 0 { self.log.read_at_most(last - 1, 1).await?.pop() } else { None };
        let is_ours = match &newest {
            Some(event) => self.broker.agrees(event).await?,
            None => last == 0,
        };
        if is_ours {
            return Ok(last);
        }
        tracing::warn!(last, head, "the broker holds another log; making its stream anew");
        self.broker.start_over(head, epoch).await
    }

    /// Publishes what stands after `last` and returns how far that went. One batch at a time.
    pub async fn publish(&self, last: Position, epoch: i64) -> anyhow::Result<Position> {
        let events = self.log.read(last).await?;
        let mut window = VecDeque::with_capacity(events.len().min(WINDOW));
        for event in &events {
            if window.len() == WINDOW {
                acknowledge(window.pop_front()).await?;
            }
            window.push_back((event.position, self.broker.publish(event, epoch).await?));
        }
        while !window.is_empty() {
            acknowledge(window.pop_front()).await?;
        }
        let Some(newest) = events.last() else { return Ok(last) };
        metrics::counter!("annals_relay_events_total").increment(events.len() as u64);
        metrics::gauge!("annals_relay_position").set(metric(newest.position));
        Ok(newest.position)
    }

    async fn hold(&self) -> anyhow::Result<bool> {
        Ok(Lease::hold(self.log.pool(), LEASE, self.node, LEASE_TIME).await?.is_some())
    }
}

async fn acknowledge(sent: Option<(Position, PublishAckFuture)>) -> anyhow::Result<()> {
    let Some((position, answer)) = sent else { return Ok(()) };
    let answer = answer.await.with_context(|| format!("publishing position {position}"))?;
    let stored = Position::try_from(answer.sequence)?;
    ensure!(stored == position, "position {position} was stored as {stored}");
    Ok(())
}

#[expect(clippy::cast_precision_loss, reason = "metrics are floats; exact up to 2^53")]
fn metric(position: Position) -> f64 {
    position as f64
}
