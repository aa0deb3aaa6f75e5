//! Messages that are worth nothing in a minute: token deltas, "the read models have come so far".
//!
//! They reach every process over core NATS, sealed, and this one directly. Whoever misses one finds
//! what matters in the log.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
};

use aws_lc_rs::aead::LessSafeKey;
use bytes::Bytes;
use futures_util::StreamExt;
use tokio::sync::broadcast;

use crate::{ServiceKey, crypto};

/// Messages kept for a slow receiver.
const CAPACITY: usize = 4096;
const PREFIX: &str = "live.";

/// The bytes of a message.
pub type LiveMessage = Bytes;

/// A hub for messages by topic.
#[derive(Clone, Default)]
pub struct Live {
    topics: Arc<Mutex<HashMap<String, broadcast::Sender<LiveMessage>>>>,
    /// What closes messages on their way; without it none leave and none are taken.
    seal: Arc<OnceLock<LessSafeKey>>,
    client: Option<async_nats::Client>,
}

impl Live {
    /// Joins the hubs of all processes; `client` must not echo what it publishes.
    #[must_use]
    pub fn join(client: async_nats::Client) -> Self {
        let live = Self { client: Some(client.clone()), ..Self::default() };
        let local = Self { client: None, ..live.clone() };
        tokio::spawn(async move {
            let Ok(mut messages) = client.subscribe(format!("{PREFIX}>")).await else { return };
            while let Some(message) = messages.next().await {
                if let Some(topic) = message.subject.strip_prefix(PREFIX)
                    && let Some(clear) = local.open(topic, &message.payload)
                {
                    local.dispatch(topic, &clear);
                }
            }
        });
        live
    }

    /// From now on messages leave this process, closed with a key that all processes have.
    pub(crate) fn seal_with(&self, key: &ServiceKey) -> anyhow::Result<()> {
        // A second log on the same hub has the same key.
        let _ = self.seal.set(crypto::aead(key.bytes())?);
        Ok(())
    }

    /// Tells everybody who listens; nobody else ever hears of it.
    pub async fn publish(&self, topic: &str, message: LiveMessage) {
        self.dispatch(topic, &message);
        if let Some(client) = &self.client
            && client.connection_state() == async_nats::connection::State::Connected
            && let Some(key) = self.seal.get()
            && let Ok(closed) = crypto::seal(key, &message, topic.as_bytes())
        {
            let _ = client.publish(format!("{PREFIX}{topic}"), closed.into()).await;
        }
    }

    /// Listens to a topic from now on.
    #[must_use]
    pub fn subscribe(&self, topic: &str) -> broadcast::Receiver<LiveMessage> {
        let mut topics = self.lock();
        topics.retain(|_, sender| sender.receiver_count() > 0);
        topics.entry(topic.to_owned()).or_insert_with(|| broadcast::channel(CAPACITY).0).subscribe()
    }

    /// A message of ours, for its topic; whatever else is said there is ignored.
    fn open(&self, topic: &str, closed: &[u8]) -> Option<LiveMessage> {
        crypto::open(self.seal.get()?, closed, topic.as_bytes()).ok().map(Bytes::from)
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

#[cfg(test)]
mod tests {
    use super::*;

    fn live(key: u8) -> Live {
        let live = Live::default();
        live.seal_with(&ServiceKey::from_bytes([key; 32])).unwrap();
        live
    }

    #[test]
    fn only_messages_of_this_service_and_topic_are_taken() {
        let closed = crypto::seal(live(1).seal.get().unwrap(), b"hello", b"run.1").unwrap();

        assert_eq!(live(1).open("run.1", &closed).as_deref(), Some(&b"hello"[..]));
        assert_eq!(live(1).open("run.2", &closed), None);
        assert_eq!(live(2).open("run.1", &closed), None);
        assert_eq!(live(1).open("run.1", b"hello"), None);
        assert_eq!(Live::default().open("run.1", &closed), None);
    }
}
