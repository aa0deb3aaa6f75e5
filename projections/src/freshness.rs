//! Waiting until the read models show what was just written.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicI64, Ordering},
    },
    time::Duration,
};

use eventlog::{EventLog, Position};
use serde::{Deserialize, Serialize};
use tokio::{
    sync::{Mutex, broadcast::error::RecvError, watch},
    time::{Instant, timeout_at},
};

use crate::Projection;

/// Where the leader tells how far projections have come.
const TOPIC: &str = "projections";
/// How long to listen before the database is asked, at first and at last.
const POLL: [Duration; 2] = [Duration::from_millis(10), Duration::from_millis(40)];

/// The leader's news.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct News {
    names: Vec<String>,
    checkpoint: Position,
}

/// Tells everybody that projections have come so far.
pub(crate) async fn announce(log: &EventLog, projections: &[Projection], checkpoint: Position) {
    let names = projections.iter().map(|projection| projection.name().to_owned()).collect();
    if let Ok(news) = serde_json::to_vec(&News { names, checkpoint }) {
        log.live().publish(TOPIC, news.into()).await;
    }
}

/// How far the projections have come at least; shared by all who wait, so that what one of them
/// learns saves the others the question.
pub(crate) struct Reached {
    checkpoints: [AtomicI64; Projection::ALL.len()],
    /// The position that all projections have reached.
    slowest: watch::Sender<Position>,
    is_listening: AtomicBool,
    polling: Mutex<()>,
}

impl Default for Reached {
    fn default() -> Self {
        Self {
            checkpoints: Default::default(),
            slowest: watch::channel(0).0,
            is_listening: AtomicBool::new(false),
            polling: Mutex::default(),
        }
    }
}

impl Reached {
    /// Waits to be told; the database is asked only while no news come.
    pub(crate) async fn wait_for(
        self: &Arc<Self>,
        log: &EventLog,
        position: Position,
        at_most: Duration,
    ) -> anyhow::Result<bool> {
        let mut slowest = self.slowest.subscribe();
        if *slowest.borrow_and_update() >= position {
            return Ok(true);
        }
        let deadline = Instant::now() + at_most;
        let mut poll = POLL[0];
        if self.listen(log) {
            // What was told before is in the database.
            self.ask(log).await?;
        }
        loop {
            let until = deadline.min(Instant::now() + poll);
            let told = slowest.wait_for(|reached| *reached >= position);
            let is_told = timeout_at(until, told).await.is_ok();
            if is_told {
                return Ok(true);
            }
            self.ask(log).await?;
            if *self.slowest.borrow() >= position {
                return Ok(true);
            }
            if Instant::now() >= deadline {
                return Ok(false);
            }
            poll = (poll * 2).min(POLL[1]);
        }
    }

    fn advance(&self, names: &[String], checkpoint: Position) {
        for (projection, reached) in Projection::ALL.iter().zip(&self.checkpoints) {
            if names.iter().any(|name| name == projection.name()) {
                reached.fetch_max(checkpoint, Ordering::Relaxed);
            }
        }
        let slowest = self.checkpoints.iter().map(|it| it.load(Ordering::Relaxed)).min();
        self.slowest.send_if_modified(|known| {
            let is_further = slowest.is_some_and(|slowest| slowest > *known);
            *known = slowest.unwrap_or(0).max(*known);
            is_further
        });
    }

    /// Has news taken in for as long as anybody asks; false when they are already.
    fn listen(self: &Arc<Self>, log: &EventLog) -> bool {
        if self.is_listening.swap(true, Ordering::Relaxed) {
            return false;
        }
        let mut news = log.live().subscribe(TOPIC);
        let reached = Arc::downgrade(self);
        tokio::spawn(async move {
            loop {
                let message = match news.recv().await {
                    Ok(message) => message,
                    Err(RecvError::Lagged(_)) => continue,
                    Err(RecvError::Closed) => return,
                };
                let Some(reached) = reached.upgrade() else { return };
                if let Ok(news) = serde_json::from_slice::<News>(&message) {
                    reached.advance(&news.names, news.checkpoint);
                }
            }
        });
        true
    }

    /// Asks the database, unless somebody is just asking.
    async fn ask(&self, log: &EventLog) -> sqlx::Result<()> {
        let Ok(_polling) = self.polling.try_lock() else { return Ok(()) };
        let rows = sqlx::query!("select name, checkpoint from read.projection")
            .fetch_all(log.pool())
            .await?;
        for row in rows {
            self.advance(&[row.name], row.checkpoint);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::Reached;
    use crate::Projection;

    fn all() -> Vec<String> {
        Projection::ALL.map(|projection| projection.name().to_owned()).to_vec()
    }

    fn usage() -> Vec<String> {
        vec![Projection::Usage.name().to_owned()]
    }

    #[test]
    fn a_position_is_reached_when_the_slowest_projection_has_it() {
        let reached = Reached::default();
        reached.advance(&all(), 7);

        reached.advance(&usage(), 9);

        assert_eq!(*reached.slowest.borrow(), 7);
    }

    #[test]
    fn old_news_changes_nothing() {
        let reached = Reached::default();
        reached.advance(&all(), 7);

        reached.advance(&usage(), 3);

        assert_eq!(*reached.slowest.borrow(), 7);
    }

    #[test]
    fn a_projection_nobody_knows_is_ignored() {
        let reached = Reached::default();

        reached.advance(&["horoscopes".to_owned()], 7);

        assert_eq!(*reached.slowest.borrow(), 0);
    }
}
