//! Where a subscriber gets its events from: JetStream while it is in step, the log when it is not.

use std::time::Duration;

use async_nats::jetstream::{Message, consumer::pull};
use futures_util::{FutureExt, StreamExt};
use tokio::{sync::watch, time::timeout};

use crate::{Broker, EventLog, Position, RawEvent, follow::MAX_BATCH};

/// How long nothing may come from NATS before the log is asked.
const QUIET: Duration = Duration::from_millis(250);
/// How long the broker may take to set up a consumer.
const ANSWER: Duration = Duration::from_secs(2);
/// How often the log is asked while NATS is away.
const POLL: Duration = Duration::from_millis(20);

/// A contiguous series of events, wherever they come from.
pub struct Feed {
    log: EventLog,
    broker: Broker,
    name: String,
    checkpoint: Position,
    written: watch::Receiver<Position>,
    messages: Option<pull::Stream>,
    unacknowledged: Option<Message>,
    is_caught_up: bool,
}

impl Feed {
    /// Begins after `checkpoint`; `name` is the durable consumer's.
    #[must_use]
    pub fn new(
        log: EventLog,
        broker: Broker,
        name: impl Into<String>,
        checkpoint: Position,
    ) -> Self {
        let written = log.written();
        Self {
            written,
            log,
            broker,
            name: name.into(),
            checkpoint,
            messages: None,
            unacknowledged: None,
            is_caught_up: false,
        }
    }

    /// Waits for events that follow those given out before. Asking again says that they are done.
    /// Whoever stops waiting loses nothing.
    pub async fn next(&mut self) -> anyhow::Result<Vec<RawEvent>> {
        self.acknowledge().await;
        loop {
            if !self.is_caught_up {
                self.written.borrow_and_update();
                let events = self.log.read(self.checkpoint).await?;
                self.is_caught_up = events.len() < usize::try_from(MAX_BATCH)?;
                if !events.is_empty() {
                    return Ok(self.give(events));
                }
            }
            // What this process writes need not go by way of NATS.
            let mut written = self.written.clone();
            let events = tokio::select! {
                biased;
                Ok(()) = written.changed() => vec![],
                events = self.receive() => events,
            };
            if !events.is_empty() {
                return Ok(self.give(events));
            }
            // Something was written, nothing came, or something was missing: the log knows.
            self.is_caught_up = false;
        }
    }

    /// Forgets what was given out after `checkpoint`: it is to come again.
    pub fn rewind(&mut self, checkpoint: Position) {
        self.checkpoint = checkpoint;
        self.unacknowledged = None;
        self.is_caught_up = false;
    }

    fn give(&mut self, events: Vec<RawEvent>) -> Vec<RawEvent> {
        self.checkpoint = events.last().map_or(self.checkpoint, |event| event.position);
        events
    }

    async fn acknowledge(&mut self) {
        if let Some(message) = self.unacknowledged.take() {
            // Lost acknowledgements only mean that messages come again and are skipped.
            let _ = timeout(QUIET, message.ack()).await;
        }
    }

    /// The events that NATS has in step, without waiting for more than the first.
    async fn receive(&mut self) -> Vec<RawEvent> {
        self.subscribe().await;
        let Some(messages) = &mut self.messages else {
            tokio::time::sleep(POLL).await;
            return vec![];
        };
        let mut events: Vec<RawEvent> = Vec::new();
        let mut next = timeout(QUIET, messages.next()).await.ok();
        while let Some(item) = next {
            let message = item.and_then(Result::ok);
            let event = message.as_ref().and_then(|message| RawEvent::from_message(message).ok());
            let (Some(message), Some(event)) = (message, event) else {
                self.messages = None;
                return events;
            };
            let expected = self.checkpoint + 1 + Position::try_from(events.len()).unwrap_or(0);
            if event.position > expected {
                break;
            }
            if event.position == expected {
                events.push(event);
            }
            self.unacknowledged = Some(message);
            next = match events.len() {
                0 => timeout(QUIET, messages.next()).await.ok(),
                count if count >= usize::try_from(MAX_BATCH).unwrap_or(usize::MAX) => None,
                _ => messages.next().now_or_never(),
            };
        }
        events
    }

    /// Sees to it that there is a subscription, unless NATS is away.
    async fn subscribe(&mut self) {
        if !self.broker.is_connected() {
            self.messages = None;
            return;
        }
        if self.messages.is_some() {
            return;
        }
        // A broker that is there but does not answer must not hold up what the log has.
        let consume = self.broker.consume(&self.name, self.checkpoint, &[]);
        match timeout(ANSWER, consume).await {
            Ok(Ok(messages)) => self.messages = Some(messages),
            Ok(Err(error)) => {
                tracing::debug!(%error, consumer = self.name, "no consumer yet");
            }
            Err(_) => {}
        }
    }
}
