//! The log's copy in `JetStream`, and those who read it, while NATS comes and goes.

use std::time::{Duration, Instant};

use domain::{
    chat::{self, Chat},
    login::Login,
};
use eventlog::{Broker, EventLog, Feed, Position, RawEvent};
use futures_util::StreamExt;
use tokio::{task::JoinHandle, time::timeout};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;
use workers::Relay;

use crate::log::{
    database::{TestLog, failed, write},
    nats::Nats,
};

/// How long anything may take.
const LIMIT: Duration = Duration::from_secs(40);

struct Setting {
    log: TestLog,
    nats: Nats,
    broker: Broker,
}

impl Setting {
    async fn new() -> anyhow::Result<Self> {
        let nats = Nats::start()?;
        let broker = Broker::connect(&nats.url()).await?;
        let setting = Self { log: TestLog::create().await?, nats, broker };
        setting.connected().await?;
        Ok(setting)
    }

    async fn connected(&self) -> anyhow::Result<()> {
        let began = Instant::now();
        while !self.broker.is_connected() || self.broker.last_position(0, 1).await.is_err() {
            anyhow::ensure!(began.elapsed() < LIMIT, "NATS does not come back");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        Ok(())
    }

    /// A relay at work, and what stops it.
    fn relay(&self) -> (CancellationToken, JoinHandle<()>) {
        let relay = Relay::new((*self.log).clone(), self.broker.clone(), Uuid::now_v7());
        let stop = CancellationToken::new();
        (stop.clone(), tokio::spawn(relay.run(stop)))
    }

    /// Writes so many events.
    async fn write(&self, count: usize) -> anyhow::Result<()> {
        let events = (0..count).map(|_| failed()).collect();
        write::<Login>(Uuid::now_v7(), 0, events).to(&self.log).await?;
        Ok(())
    }

    /// Waits until the broker holds the whole log.
    async fn copied(&self) -> anyhow::Result<()> {
        let head = self.log.head().await?;
        let began = Instant::now();
        loop {
            if let Ok(last) = self.broker.last_position(head, 1).await
                && last == head
            {
                return Ok(());
            }
            anyhow::ensure!(began.elapsed() < LIMIT, "the relay does not come to {head}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Compares every message with the log.
    async fn assert_same(&self) -> anyhow::Result<()> {
        let events = self.log.read(0).await?;
        let name = Uuid::now_v7().to_string();
        let messages = self.broker.consume(&name, 0, &[]).await?.take(events.len());
        let copies: Vec<Result<_, _>> = timeout(LIMIT, messages.collect()).await?;
        for (copy, event) in copies.into_iter().zip(events) {
            assert_eq!(RawEvent::from_message(&copy?)?, event);
        }
        Ok(())
    }

    fn feed(&self, checkpoint: Position) -> Feed {
        Feed::new((*self.log).clone(), self.broker.clone(), "reader", checkpoint)
    }
}

/// Positions from a feed until `last` is among them.
async fn positions(feed: &mut Feed, last: Position) -> anyhow::Result<Vec<Position>> {
    let mut seen = Vec::new();
    while seen.last().is_none_or(|seen| *seen < last) {
        let events = timeout(LIMIT, feed.next()).await??;
        seen.extend(events.iter().map(|event| event.position));
    }
    Ok(seen)
}

async fn epoch(log: &EventLog) -> anyhow::Result<i64> {
    Ok(sqlx::query_scalar("select epoch from log.head").fetch_one(log.pool()).await?)
}

#[tokio::test]
async fn every_event_is_published_at_its_position() -> anyhow::Result<()> {
    let setting = Setting::new().await?;
    setting.write(30).await?;
    setting.write(19).await?;
    // One that is not in its first form.
    let (kind, detail) = (chat::FailureKind::Refused, "it failed".to_owned());
    let failure = chat::Failure { kind, detail, explanation: None, retry_after: None };
    let (run, usage) = (Uuid::now_v7(), chat::Usage::default());
    let events = vec![chat::Event::RunFailed { run, failure, usage }];
    write::<Chat>(Uuid::now_v7(), 0, events).to(&setting.log).await?;
    let relay = Relay::new((*setting.log).clone(), setting.broker.clone(), Uuid::now_v7());

    let sent = relay.publish(0, epoch(&setting.log).await?).await?;

    assert_eq!(sent, 50);
    assert_eq!(setting.broker.last_position(50, 1).await?, 50);
    assert_eq!(setting.log.read(49).await?[0].schema_version, 2);
    setting.assert_same().await
}

#[tokio::test]
async fn the_relay_goes_on_after_nats_was_killed_and_after_it_lost_everything() -> anyhow::Result<()>
{
    let mut setting = Setting::new().await?;
    let (_stop, _relay) = setting.relay();
    setting.write(20).await?;
    setting.copied().await?;

    setting.nats.kill();
    setting.write(20).await?;
    setting.nats.restart()?;
    setting.copied().await?;
    setting.assert_same().await?;

    setting.nats.wipe()?;
    setting.write(20).await?;
    setting.nats.restart()?;
    setting.copied().await?;
    setting.assert_same().await
}

#[tokio::test]
async fn a_copy_of_another_log_is_made_anew() -> anyhow::Result<()> {
    let mut setting = Setting::new().await?;
    let (stop, relay) = setting.relay();
    setting.write(20).await?;
    setting.copied().await?;
    stop.cancel();
    relay.await?;

    // As after a restore: as long as before, but another history.
    setting.log = TestLog::create().await?;
    setting.write(20).await?;
    let (_stop, _relay) = setting.relay();
    setting.write(5).await?;
    setting.copied().await?;

    setting.assert_same().await
}

#[tokio::test]
async fn a_stream_made_for_a_long_log_begins_late() -> anyhow::Result<()> {
    let setting = Setting::new().await?;

    let last = setting.broker.start_over(1_500_000, 1).await?;

    assert_eq!(last, 500_000);
    Ok(())
}

#[tokio::test]
async fn one_relay_leads_and_another_takes_over() -> anyhow::Result<()> {
    let setting = Setting::new().await?;
    let (stop, first) = setting.relay();
    setting.write(20).await?;
    setting.copied().await?;
    let holder = || async {
        sqlx::query_scalar::<_, Uuid>("select holder from log.lease where name = 'relay'")
            .fetch_one(setting.log.pool())
            .await
    };
    let leader = holder().await?;
    let (_stop, _second) = setting.relay();
    setting.write(20).await?;
    setting.copied().await?;
    assert_eq!(holder().await?, leader, "there was no reason to change");

    stop.cancel();
    first.await?;
    setting.write(20).await?;
    setting.copied().await?;

    assert_ne!(holder().await?, leader);
    setting.assert_same().await
}

#[tokio::test]
async fn a_feed_gives_every_event_once_while_nats_comes_and_goes() -> anyhow::Result<()> {
    let mut setting = Setting::new().await?;
    let (_stop, _relay) = setting.relay();
    let mut feed = setting.feed(0);
    setting.write(100).await?;
    let mut seen = positions(&mut feed, 100).await?;

    for round in 1..=3 {
        setting.nats.kill();
        setting.write(100).await?;
        seen.extend(positions(&mut feed, round * 200).await?);
        setting.nats.restart()?;
        setting.connected().await?;
        setting.write(100).await?;
        seen.extend(positions(&mut feed, round * 200 + 100).await?);
    }

    assert_eq!(seen, (1..=700).collect::<Vec<_>>());
    Ok(())
}

#[tokio::test]
async fn a_feed_follows_writers_across_a_restart_of_nats() -> anyhow::Result<()> {
    let mut setting = Setting::new().await?;
    let (_stop, _relay) = setting.relay();
    let log = (*setting.log).clone();
    let writer = tokio::spawn(async move {
        for _ in 0..400 {
            write::<Login>(Uuid::now_v7(), 0, vec![failed(), failed()]).to(&log).await?;
        }
        anyhow::Ok(())
    });
    let mut feed = setting.feed(0);

    let mut seen = positions(&mut feed, 200).await?;
    setting.nats.kill();
    // The writer may be done already: nobody waits for more than it writes.
    let half = seen.last().map_or(800, |last| (last + 100).min(800));
    if seen.last() < Some(&half) {
        seen.extend(positions(&mut feed, half).await?);
    }
    setting.nats.restart()?;
    if seen.last() < Some(&800) {
        seen.extend(positions(&mut feed, 800).await?);
    }
    writer.await??;

    assert_eq!(seen, (1..=800).collect::<Vec<_>>());
    Ok(())
}

#[tokio::test]
async fn a_rewound_feed_gives_the_same_again() -> anyhow::Result<()> {
    let setting = Setting::new().await?;
    let (_stop, _relay) = setting.relay();
    let mut feed = setting.feed(0);
    setting.write(10).await?;
    positions(&mut feed, 10).await?;
    setting.write(10).await?;
    positions(&mut feed, 20).await?;

    feed.rewind(5);
    let again = positions(&mut feed, 20).await?;
    setting.write(10).await?;
    let further = positions(&mut feed, 30).await?;

    assert_eq!(again, (6..=20).collect::<Vec<_>>());
    assert_eq!(further, (21..=30).collect::<Vec<_>>());
    Ok(())
}

#[tokio::test]
async fn a_reader_far_ahead_of_its_consumer_is_not_held_up() -> anyhow::Result<()> {
    let setting = Setting::new().await?;
    let (_stop, _relay) = setting.relay();
    setting.broker.consume("reader", 0, &[]).await?;
    for _ in 0..5 {
        setting.write(1000).await?;
    }
    setting.copied().await?;

    setting.broker.consume("reader", 5000, &[]).await?;
    let mut messages = setting.broker.consume("reader", 5000, &[]).await?;
    setting.write(1).await?;

    let message = timeout(LIMIT, messages.next()).await?.expect("a message")?;
    assert_eq!(RawEvent::from_message(&message)?.position, 5001);
    Ok(())
}
