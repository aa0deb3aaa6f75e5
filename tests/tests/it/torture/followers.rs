//! Followers that are killed at any moment and go on from their own checkpoint.

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use anyhow::ensure;
use async_nats::jetstream::{
    self,
    consumer::{AckPolicy, DeliverPolicy, pull},
};
use eventlog::{Broker, EventLog, Feed, Position, RawEvent, Recorded, STREAM};
use futures_util::StreamExt;
use tests::Dice;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// The least and the most that a follower lives.
const LIFE: [Duration; 2] = [Duration::from_millis(30), Duration::from_millis(600)];
/// How long the rest may take once nobody writes any more.
const REST: Duration = Duration::from_mins(1);

/// How a follower gets its events.
#[derive(Clone, Copy, Debug)]
pub enum Way {
    /// It asks the log again and again.
    Polling,
    /// By the feed that projections use.
    Feed,
    /// From NATS alone, as a program of somebody else would.
    JetStream,
}

/// What a follower remembers of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sighting {
    pub position: Position,
    pub stream: Uuid,
    pub version: i64,
    pub command: Uuid,
}

/// A follower and all that it has seen.
pub struct Follower {
    pub way: Way,
    pub seen: Vec<Sighting>,
    pub deaths: u64,
    life: Life,
}

/// What a follower has while it lives; of its memory only what was committed outlives it.
#[derive(Clone)]
struct Life {
    log: EventLog,
    nats: String,
    memory: Arc<Mutex<Vec<Sighting>>>,
    end: Arc<AtomicI64>,
}

impl Follower {
    pub fn new(way: Way, log: EventLog, nats: String) -> Self {
        let end = Arc::new(AtomicI64::new(i64::MAX));
        let life = Life { log, nats, memory: Arc::default(), end };
        Self { way, seen: vec![], deaths: 0, life }
    }

    /// Lives and dies until everything is written, and then reads the rest.
    pub async fn follow(
        mut self,
        mut dice: Dice,
        written: CancellationToken,
    ) -> anyhow::Result<Self> {
        while !written.is_cancelled() {
            let living = tokio::spawn(self.life.clone().live(self.way));
            sleep(dice.between(LIFE[0], LIFE[1])).await;
            living.abort();
            match living.await {
                Ok(outcome) => outcome?,
                Err(error) => ensure!(error.is_cancelled(), error),
            }
            self.deaths += 1;
        }
        self.life.end.store(self.life.log.head().await?, Ordering::SeqCst);
        timeout(REST, self.life.clone().live(self.way)).await??;
        self.seen = std::mem::take(&mut *self.life.memory());
        Ok(self)
    }
}

impl Life {
    async fn live(self, way: Way) -> anyhow::Result<()> {
        match way {
            Way::Polling => self.poll().await,
            Way::Feed => self.feed().await,
            Way::JetStream => self.consume().await,
        }
    }

    async fn poll(self) -> anyhow::Result<()> {
        while !self.is_over() {
            let events = self.log.read(self.checkpoint()).await?;
            if events.is_empty() {
                sleep(Duration::from_millis(2)).await;
            }
            self.commit(events.iter().map(Sighting::of)).await?;
        }
        Ok(())
    }

    async fn feed(self) -> anyhow::Result<()> {
        let broker = Broker::connect(&self.nats).await?;
        let mut feed = Feed::new(self.log.clone(), broker, "follower", self.checkpoint());
        while !self.is_over() {
            let events = feed.next().await?;
            self.commit(events.iter().map(Sighting::of)).await?;
        }
        Ok(())
    }

    /// Counts on nothing but the stream's own sequence.
    async fn consume(self) -> anyhow::Result<()> {
        let client = async_nats::connect(&self.nats).await?;
        let jetstream = jetstream::new(client);
        let stream = loop {
            match jetstream.get_stream(STREAM).await {
                Ok(stream) => break stream,
                // The relay has not made it yet.
                Err(_) => sleep(Duration::from_millis(5)).await,
            }
        };
        let start_sequence = u64::try_from(self.checkpoint())? + 1;
        let config = pull::Config {
            deliver_policy: DeliverPolicy::ByStartSequence { start_sequence },
            ack_policy: AckPolicy::None,
            ..pull::Config::default()
        };
        let mut messages = stream.create_consumer(config).await?.messages().await?;
        while !self.is_over() {
            let Some(message) = messages.next().await else { break };
            let event = RawEvent::from_message(&message?)?;
            self.commit([Sighting::of(&event)].into_iter()).await?;
        }
        Ok(())
    }

    fn is_over(&self) -> bool {
        self.checkpoint() >= self.end.load(Ordering::SeqCst)
    }

    fn checkpoint(&self) -> Position {
        self.memory().last().map_or(0, |last| last.position)
    }

    fn memory(&self) -> MutexGuard<'_, Vec<Sighting>> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Remembers a batch wholly or, killed before, not at all. Nothing may be missing or come twice.
    async fn commit(&self, events: impl Iterator<Item = Sighting>) -> anyhow::Result<()> {
        let events: Vec<_> = events.collect();
        tokio::task::yield_now().await;
        let mut memory = self.memory();
        for (expected, event) in (memory.len() + 1..).zip(&events) {
            let expected = Position::try_from(expected)?;
            ensure!(event.position == expected, "{event:?} came where {expected} follows");
        }
        memory.extend(events);
        Ok(())
    }
}

impl Sighting {
    pub fn of(event: &RawEvent) -> Self {
        let RawEvent { position, stream, version, command, .. } = *event;
        Self { position, stream, version, command }
    }

    pub fn of_recorded(event: &Recorded) -> Self {
        let Recorded { position, stream, version, command, .. } = *event;
        Self { position, stream, version, command }
    }
}
