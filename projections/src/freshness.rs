//! Waiting until the read models show what was just written.

use std::{
    sync::atomic::{AtomicI64, Ordering},
    time::Duration,
};

use eventlog::{EventLog, LiveMessage, Position};
use serde::{Deserialize, Serialize};
use tokio::{
    sync::{Mutex, broadcast::Receiver},
    time::{Instant, timeout_at},
};

use crate::Projection;

/// Where runners tell how far they have come.
const TOPIC: &str = "projections";
/// How long to listen before the database is asked, at first and at last.
const POLL: [Duration; 2] = [Duration::from_millis(2), Duration::from_millis(20)];

/// A runner's news.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct News {
    name: String,
    checkpoint: Position,
}

/// Tells everybody that a projection has come so far.
pub(crate) async fn announce(log: &EventLog, projection: Projection, checkpoint: Position) {
    let news = News { name: projection.name().to_owned(), checkpoint };
    if let Ok(news) = serde_json::to_vec(&news) {
        log.live().publish(TOPIC, news.into()).await;
    }
}

/// How far the projections have come at least; shared by all who wait, so that what one of them
/// learns saves the others the question.
#[derive(Default)]
pub(crate) struct Reached {
    checkpoints: [AtomicI64; Projection::ALL.len()],
    polling: Mutex<()>,
}

impl Reached {
    pub(crate) async fn wait_for(
        &self,
        log: &EventLog,
        position: Position,
        at_most: Duration,
    ) -> anyhow::Result<bool> {
        if self.position() >= position {
            return Ok(true);
        }
        let deadline = Instant::now() + at_most;
        let mut news = log.live().subscribe(TOPIC);
        let mut poll = POLL[0];
        self.ask(log).await?;
        while self.position() < position {
            if Instant::now() >= deadline {
                return Ok(false);
            }
            self.listen(&mut news, position, deadline.min(Instant::now() + poll)).await;
            if self.position() < position {
                self.ask(log).await?;
            }
            poll = (poll * 2).min(POLL[1]);
        }
        Ok(true)
    }

    /// The position that all projections have reached.
    fn position(&self) -> Position {
        self.checkpoints.iter().map(|it| it.load(Ordering::Relaxed)).min().unwrap_or(0)
    }

    fn advance(&self, name: &str, checkpoint: Position) {
        let known = Projection::ALL.iter().zip(&self.checkpoints);
        for (_, reached) in known.filter(|(projection, _)| projection.name() == name) {
            reached.fetch_max(checkpoint, Ordering::Relaxed);
        }
    }

    /// Takes news in until the position is reached or the time is up.
    async fn listen(&self, news: &mut Receiver<LiveMessage>, position: Position, until: Instant) {
        while self.position() < position {
            // News that was missed is in the database.
            let Ok(Ok(message)) = timeout_at(until, news.recv()).await else { return };
            if let Ok(news) = serde_json::from_slice::<News>(&message) {
                self.advance(&news.name, news.checkpoint);
            }
        }
    }

    /// Asks the database, unless somebody is just asking.
    async fn ask(&self, log: &EventLog) -> sqlx::Result<()> {
        let Ok(_polling) = self.polling.try_lock() else { return Ok(()) };
        let rows = sqlx::query!("select name, checkpoint from read.projection")
            .fetch_all(log.pool())
            .await?;
        for row in rows {
            self.advance(&row.name, row.checkpoint);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::Reached;
    use crate::Projection;

    #[test]
    fn a_position_is_reached_when_the_slowest_projection_has_it() {
        let reached = Reached::default();
        for projection in Projection::ALL {
            reached.advance(projection.name(), 7);
        }

        reached.advance(Projection::Usage.name(), 9);

        assert_eq!(reached.position(), 7);
    }

    #[test]
    fn old_news_changes_nothing() {
        let reached = Reached::default();
        for projection in Projection::ALL {
            reached.advance(projection.name(), 7);
        }

        reached.advance(Projection::Usage.name(), 3);

        assert_eq!(reached.position(), 7);
    }

    #[test]
    fn a_projection_nobody_knows_is_ignored() {
        let reached = Reached::default();

        reached.advance("horoscopes", 7);

        assert_eq!(reached.position(), 0);
    }
}
