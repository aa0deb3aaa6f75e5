//! Telling every process that a person was erased, or that another master key took over.

use std::sync::Arc;

use anyhow::Context;
use serde::{Deserialize, Serialize};
use sqlx::PgPool;
use tokio::sync::broadcast::{Receiver, error::RecvError};
use uuid::Uuid;

use crate::{EventLog, KeyRing, LiveMessage, RawEvent};

/// Where processes tell each other of keys.
const TOPIC: &str = "keys";
/// The event beside which a key is destroyed.
const ERASED: &str = "user.erased";

/// News of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum News {
    /// The key of a person was destroyed.
    Destroyed(Uuid),
    /// Another master key wraps from now on.
    Rotated,
}

/// Destroys the keys of people of whom the log says that they were erased: an older copy of the keys
/// may have brought them back. Before anything is read with them.
pub(crate) async fn destroy_returned_keys(pool: &PgPool) -> anyhow::Result<()> {
    let destroyed = sqlx::query_scalar!(r#"select vault.destroy_returned_keys() as "destroyed!""#)
        .fetch_one(pool)
        .await
        .context("destroying the keys of people who were erased")?;
    if destroyed > 0 {
        tracing::warn!(destroyed, "keys of erased people had come back and were destroyed again");
    }
    Ok(())
}

impl EventLog {
    /// Lets go of a person's key, here and everywhere else.
    pub(crate) async fn forget(&self, subject: Uuid) {
        self.keys.forget(subject);
        self.tell(News::Destroyed(subject)).await;
    }

    /// Has every process wrap with the master key that a rotation begins with.
    pub(crate) async fn announce_rotation(&self) {
        self.tell(News::Rotated).await;
    }

    async fn tell(&self, news: News) {
        if let Ok(message) = serde_json::to_vec(&news) {
            self.live().publish(TOPIC, message.into()).await;
        }
    }

    /// Lets go of the keys that were destroyed beside these events. Whatever is read after them is
    /// read without, in every process, also where no news came.
    pub(crate) fn forget_erased(&self, events: &[RawEvent]) {
        for erased in events.iter().filter(|event| &*event.name == ERASED) {
            self.keys.forget(erased.stream);
        }
    }

    /// Listens to the news for as long as the process lives.
    pub(crate) fn listen_for_keys(&self) {
        let (keys, news) = (self.keys.clone(), self.live().subscribe(TOPIC));
        tokio::spawn(listen(Arc::new(keys), news));
    }
}

/// News that were missed are no harm: a key is asked for again before long.
async fn listen(keys: Arc<KeyRing>, mut news: Receiver<LiveMessage>) {
    loop {
        let message = match news.recv().await {
            Ok(message) => message,
            Err(RecvError::Lagged(_)) => continue,
            Err(RecvError::Closed) => return,
        };
        match serde_json::from_slice(&message) {
            Ok(News::Destroyed(subject)) => keys.forget(subject),
            Ok(News::Rotated) => {
                if let Err(error) = keys.follow_master().await {
                    tracing::warn!(error = format!("{error:#}"), "cannot follow the master key");
                }
            }
            Err(_) => {}
        }
    }
}
