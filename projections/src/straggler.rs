//! A projection that is not in step: it catches up by itself.

use std::time::Duration;

use anyhow::ensure;
use eventlog::{EventLog, MAX_BATCH, RawEvent};
use sqlx::PgConnection;
use tokio::time::sleep;

use crate::{
    Checkpoint, Projection, Refused,
    backoff::Backoff,
    checkpoint::Deposed,
    connection::{connect, is_passing},
    group::report,
    parking::told,
};

/// How often a projection that is refused says so.
const REFUSAL: Duration = Duration::from_secs(3);
/// How often an event is tried before its stream is parked.
const ATTEMPTS: i32 = 3;

/// A projection on its way back to the others.
pub(crate) struct Straggler {
    pub log: EventLog,
    pub projection: Projection,
    pub fence: i64,
}

impl Straggler {
    /// Catches up, whatever it takes; nothing when somebody else writes the projection.
    pub(crate) async fn run(self) -> Option<Checkpoint> {
        let mut backoff = Backoff::default();
        loop {
            match self.catch_up().await {
                Ok(checkpoint) => return Some(checkpoint),
                Err(error) if error.is::<Deposed>() => return None,
                Err(error) if error.is::<Refused>() => {
                    tracing::error!("{error}");
                    sleep(REFUSAL).await;
                }
                Err(error) => {
                    report(self.projection, &error);
                    self.note(&error).await;
                    sleep(backoff.next()).await;
                }
            }
        }
    }

    /// Keeps why it stands still, as far as that is possible.
    async fn note(&self, error: &anyhow::Error) {
        let noted = sqlx::query!(
            "update read.projection set last_error = $2 where name = $1",
            self.projection.name(),
            told(error),
        )
        .execute(self.log.pool())
        .await;
        if let Err(error) = noted {
            tracing::warn!(projection = self.projection.name(), %error, "an error is not kept");
        }
    }

    /// Takes in what the log holds by now, reading on while it writes.
    async fn catch_up(&self) -> anyhow::Result<Checkpoint> {
        let mut checkpoint = self.look().await?;
        let mut db = connect(self.log.pool()).await?;
        let mut events = self.log.read(checkpoint.position).await?;
        while let Some(last) = events.last().map(|event| event.position) {
            let is_last = events.len() < usize::try_from(MAX_BATCH).unwrap_or(usize::MAX);
            let (is_done, next) =
                tokio::join!(self.take_in(&mut checkpoint, &mut db, events), self.log.read(last));
            if !is_done? {
                checkpoint = self.look().await?;
                events = self.log.read(checkpoint.position).await?;
            } else if is_last {
                break;
            } else {
                events = next?;
            }
        }
        Ok(checkpoint)
    }

    /// Where it stands, wherever somebody else may have moved it.
    async fn look(&self) -> anyhow::Result<Checkpoint> {
        let checkpoint = Checkpoint::read(self.log.pool(), self.projection).await?;
        ensure!(checkpoint.fence == self.fence, Deposed(self.fence));
        Ok(checkpoint)
    }

    /// Takes events in, and finds and parks those that it cannot take in; false when somebody else
    /// has moved the projection.
    async fn take_in(
        &self,
        checkpoint: &mut Checkpoint,
        db: &mut PgConnection,
        events: Vec<RawEvent>,
    ) -> anyhow::Result<bool> {
        let mut parts = vec![events];
        while let Some(mut part) = parts.pop() {
            let is_done = match checkpoint.apply(db, &self.log, part.clone()).await {
                Ok(is_done) => is_done,
                Err(error) if is_passing(&error) => return Err(error),
                Err(error) if part.len() > 1 => {
                    report(self.projection, &error);
                    let second = part.split_off(part.len() / 2);
                    parts.extend([second, part]);
                    true
                }
                Err(_) => self.insist(checkpoint, db, part).await?,
            };
            if !is_done {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Tries a single event a few times more before its stream is parked.
    async fn insist(
        &self,
        checkpoint: &mut Checkpoint,
        db: &mut PgConnection,
        mut event: Vec<RawEvent>,
    ) -> anyhow::Result<bool> {
        let mut backoff = Backoff::default();
        for attempt in 2.. {
            sleep(backoff.next()).await;
            match checkpoint.apply(db, &self.log, event.clone()).await {
                Ok(is_done) => return Ok(is_done),
                Err(error) if is_passing(&error) || event.is_empty() => return Err(error),
                Err(error) if attempt >= ATTEMPTS => {
                    report(self.projection, &error);
                    let event = event.remove(0);
                    return checkpoint.park(db, &self.log, event, (&error, attempt)).await;
                }
                Err(_) => {}
            }
        }
        Ok(false)
    }
}
