//! Messages that are worth nothing in a minute: token deltas, "the read models have come so far".
//!
//! They reach every process over core NATS, and this one directly. Whoever misses one finds what
//! matters in the log.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use bytes::Bytes;
use futures_util::StreamExt;
use tokio::sync::broadcast;

/// Messages kept for a slow receiver.
const CAPACITY: usize = 4096;
const PREFIX: &str = "live.";

/// The bytes of a message.
pub type LiveMessage = Bytes;

/// A hub for messages by topic.
#[derive(Clone, Default)]
pub struct Live {
    topics: Arc<Mutex<HashMap<String, broadcast::Sender<LiveMessage>>>>,
    client: Option<async_nats::Client>,
}

impl Live {
    /// Joins the hubs of all processes; `client` must not echo what it publishes.
    #[must_use]
    pub fn join(client: async_nats::Client) -> Self {
        let live = Self { topics: Arc::default(), client: Some(client.clone()) };
        let local = Self { topics: Arc::clone(&live.topics), client: None };
        tokio::spawn(async move {
            let Ok(mut messages) = client.subscribe(format!("{PREFIX}>")).await else { return };
            while let Some(message) = messages.next().await {
                if let Some(topic) = message.subject.strip_prefix(PREFIX) {
                    local.dispatch(topic, &message.payload);
                }
            }
        });
        live
    }

    /// Tells everybody who listens; nobody else ever hears of it.
    pub async fn publish(&self, topic: &str, message: LiveMessage) {
        self.dispatch(topic, &message);
        if let Some(client) = &self.client
            && client.connection_state() == async_nats::connection::State::Connected
        {
            let _ = client.publish(format!("{PREFIX}{topic}"), message).await;
        }
    }

    /// Listens to a topic from now on.
    #[must_use]
    pub fn subscribe(&self, topic: &str) -> broadcast::Receiver<LiveMessage> {
        let mut topics = self.lock();
        topics.retain(|_, sender| sender.receiver_count() > 0);
        topics.entry(topic.to_owned()).or_insert_with(|| broadcast::channel(CAPACITY).0).subscribe()
    }

    fn dispatch(&self, topic: &str, message: &LiveMessage) {
        if let Some(sender) = self.lock().get(topic) {
            let _ = sender.send(message.clone());
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, broadcast::Sender<LiveMessage>>> {
        self.topics.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
