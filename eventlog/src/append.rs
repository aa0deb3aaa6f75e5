//! Appending: one batcher takes every command that waits and writes them in one call.

use std::{
    collections::HashSet,
    time::{Duration, Instant},
};

use domain::{Aggregate, ClaimScope};
use sqlx::PgPool;
use tokio::sync::{mpsc, oneshot, watch};
use uuid::Uuid;

use crate::{
    Append, EventLog, Position,
    batch::{Batch, Outcome},
    encode::{Encoded, EncodedClaim},
};

/// Commands in a batch at most.
const MAX_COMMANDS: usize = 512;
/// Bytes of events in a batch at most.
const MAX_BYTES: usize = 4 << 20;
/// How long a batch waits for those who were answered together and come back together.
const LINGER: Duration = Duration::from_micros(300);
/// How often a batch is sent again when the database went away in the middle of it.
const RETRIES: u32 = 5;

/// Where a command's events stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Appended {
    /// The first one.
    pub first: Position,
    /// The last one.
    pub last: Position,
    /// How many events the stream holds now.
    pub version: i64,
}

/// Why a command's events were not written.
#[derive(Debug, thiserror::Error)]
pub enum AppendError {
    /// Somebody else wrote to the stream first.
    #[error("the stream has moved on")]
    StreamMoved,
    /// Another stream holds a key.
    #[error("{} is taken", .0.name())]
    Claimed(ClaimScope),
    /// The command id was used for something else.
    #[error("this command id was used for another command")]
    CommandReused,
    /// The log cannot be reached, or the command cannot be written down.
    #[error(transparent)]
    Unavailable(#[from] anyhow::Error),
}

/// A command in the queue, and who waits for it.
pub(crate) struct Pending {
    pub command: Encoded,
    pub reply: oneshot::Sender<Result<Appended, AppendError>>,
}

impl EventLog {
    /// Writes the events of one command, all or none, and returns when they are durable.
    pub async fn append<A: Aggregate>(
        &self,
        append: Append<'_, A>,
    ) -> Result<Appended, AppendError> {
        let command = self.encode(append).await?;
        let (reply, answer) = oneshot::channel();
        self.appends
            .send(Pending { command, reply })
            .await
            .map_err(|_| anyhow::anyhow!("the log is shutting down"))?;
        answer.await.map_err(|_| anyhow::anyhow!("the log is shutting down"))?
    }
}

/// Writes batch after batch until nobody can send any more.
pub(crate) async fn run(
    pool: PgPool,
    mut waiting: mpsc::Receiver<Pending>,
    head: watch::Sender<Position>,
) {
    let mut queue = Vec::with_capacity(MAX_COMMANDS);
    let mut usual = 0;
    loop {
        if queue.is_empty() && waiting.recv_many(&mut queue, MAX_COMMANDS).await == 0 {
            return;
        }
        gather(&mut queue, &mut waiting, usual).await;
        let (riders, left) = compatible(std::mem::take(&mut queue));
        queue = left;
        usual = riders.len().max((riders.len() + usual * 3) / 4);
        metrics::histogram!("annals_append_batch_commands").record(metric(riders.len()));
        if let Some(position) = write(&pool, riders).await {
            head.send_if_modified(|head| {
                let is_further = position > *head;
                *head = position.max(*head);
                is_further
            });
        }
    }
}

/// Metrics count in floats, exactly up to 2^32.
fn metric(count: usize) -> f64 {
    u32::try_from(count).map_or(f64::INFINITY, f64::from)
}

/// Takes what waits; where that is less than usual, waits a moment for the rest.
async fn gather(queue: &mut Vec<Pending>, waiting: &mut mpsc::Receiver<Pending>, usual: usize) {
    let began = Instant::now();
    loop {
        while queue.len() < MAX_COMMANDS
            && let Ok(pending) = waiting.try_recv()
        {
            queue.push(pending);
        }
        if queue.len() >= usual.min(MAX_COMMANDS) || began.elapsed() >= LINGER {
            return;
        }
        tokio::task::yield_now().await;
    }
}

/// Splits off what cannot ride in one batch: a stream, a claim key or a command id stands in it once.
fn compatible(queue: Vec<Pending>) -> (Vec<Pending>, Vec<Pending>) {
    let mut ids: HashSet<Uuid> = HashSet::with_capacity(queue.len() * 2);
    let mut claims: HashSet<EncodedClaim> = HashSet::new();
    let mut bytes = 0;
    let mut riders = Vec::with_capacity(queue.len());
    let mut left = Vec::new();
    for pending in queue {
        let command = &pending.command;
        let keys = || command.takes.iter().chain(&command.releases);
        let fits = bytes == 0 || bytes + command.size() <= MAX_BYTES;
        let is_alone = !ids.contains(&command.id)
            && !ids.contains(&command.stream)
            && !keys().any(|key| claims.contains(key));
        // Even one that stays behind keeps its place in its stream.
        ids.extend([command.id, command.stream]);
        claims.extend(keys().cloned());
        if fits && is_alone {
            bytes += command.size();
            riders.push(pending);
        } else {
            left.push(pending);
        }
    }
    (riders, left)
}

/// Writes one batch, answers everybody in it, and returns the last position written.
async fn write(pool: &PgPool, riders: Vec<Pending>) -> Option<Position> {
    let (commands, replies): (Vec<_>, Vec<_>) =
        riders.into_iter().map(|pending| (pending.command, pending.reply)).unzip();
    let outcomes = match settle(pool, &Batch::new(&commands)).await {
        Ok(outcomes) => outcomes,
        Err(error) => {
            tracing::error!(%error, commands = commands.len(), "a batch could not be written");
            for reply in replies {
                let error = anyhow::anyhow!("the log cannot be written: {error}");
                let _ = reply.send(Err(AppendError::Unavailable(error)));
            }
            return None;
        }
    };
    let last = outcomes.iter().filter_map(|outcome| outcome.as_ref().ok().map(|done| done.last));
    let last = last.max();
    for (reply, outcome) in replies.into_iter().zip(outcomes) {
        let _ = reply.send(outcome);
    }
    last
}

/// Tries the trusting way, then the looking one; receipts make it safe to send a batch again when
/// nobody knows whether it was committed.
async fn settle(pool: &PgPool, batch: &Batch) -> Result<Vec<Outcome>, sqlx::Error> {
    if batch.is_trusting {
        match batch.append_trusting(pool).await {
            Ok(outcomes) => return Ok(outcomes),
            Err(error) => tracing::debug!(%error, "a batch needs a closer look"),
        }
    }
    let mut attempt = 0;
    loop {
        match batch.append_checked(pool).await {
            Err(error) if attempt < RETRIES && is_passing(&error) => {
                attempt += 1;
                tracing::warn!(%error, attempt, "the database went away; sending the batch again");
                tokio::time::sleep(Duration::from_millis(50 << attempt)).await;
            }
            answer => return answer,
        }
    }
}

/// Whether the same call may do better in a moment.
fn is_passing(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_) | sqlx::Error::Protocol(_) | sqlx::Error::PoolTimedOut => true,
        // Class 40: rolled back, 53: out of resources, 57: the operator stopped it.
        sqlx::Error::Database(error) => error
            .code()
            .is_some_and(|code| ["40", "53", "57"].iter().any(|class| code.starts_with(class))),
        _ => false,
    }
}
