//! Writing a batch, whatever the database does in the meantime.

use std::time::Duration;

use sqlx::{Connection, Error, Executor, PgConnection, PgPool};
use tokio::time::timeout;

use crate::{
    AppendError, Position,
    append::Pending,
    batch::{Batch, Outcome},
    log, partitions,
};

/// How often a batch is sent again when the database went away in the middle of it.
const RETRIES: u32 = 5;
/// How long the database may take over a batch.
const PATIENCE: Duration = Duration::from_secs(15);
/// The statements of the two functions take a handful of rows and find others by their keys. Postgres
/// would plan each call anew, for the length of its arrays, and take longer over that than over writing.
const SETTINGS: &str = "set jit = off; set plan_cache_mode = force_generic_plan;
    set enable_hashjoin = off; set enable_mergejoin = off; set enable_seqscan = off";
/// How many events later making room is tried again.
const ROOM_RETRY: Position = 10_000;

/// The one that writes. It has a connection of its own: readers never make it wait for one.
pub(crate) struct Writer {
    pool: PgPool,
    connection: Option<PgConnection>,
    /// The head from which on another partition is wanted.
    room_due: Position,
}

/// How a batch is written.
#[derive(Clone, Copy)]
enum Way {
    Trusting,
    Checked,
}

impl Writer {
    /// Makes room for what will be written.
    pub(crate) async fn open(pool: PgPool, head: Position) -> anyhow::Result<Self> {
        let room_due = partitions::make(&pool, head, 0).await?;
        Ok(Self { pool, connection: None, room_due })
    }

    /// Makes the partition after the next once the head has come half way through the last.
    pub(crate) async fn make_room(&mut self, head: Position) {
        if head >= self.room_due {
            self.make_partitions(head, 0).await;
        }
    }

    async fn make_partitions(&mut self, head: Position, batch: i64) {
        match partitions::make(&self.pool, head, batch).await {
            Ok(due) => self.room_due = due,
            Err(error) => {
                tracing::warn!(%error, "the log has no further partition yet");
                self.room_due = head + ROOM_RETRY;
            }
        }
    }

    /// Writes one batch, answers everybody in it, and returns the last position written.
    pub(crate) async fn write(&mut self, riders: Vec<Pending>) -> Option<Position> {
        let (commands, replies): (Vec<_>, Vec<_>) =
            riders.into_iter().map(|pending| (pending.command, pending.reply)).unzip();
        let outcomes = match self.settle(&Batch::new(&commands)).await {
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
        let written = outcomes.iter().filter_map(|outcome| outcome.as_ref().ok());
        let last = written.map(|done| done.last).max();
        for (reply, outcome) in replies.into_iter().zip(outcomes) {
            let _ = reply.send(outcome);
        }
        last
    }

    /// Tries the trusting way, then the looking one; receipts make it safe to send a batch again when
    /// nobody knows whether it was committed.
    async fn settle(&mut self, batch: &Batch) -> Result<Vec<Outcome>, Error> {
        if batch.is_trusting {
            match self.send(batch, Way::Trusting).await {
                Ok(outcomes) => return Ok(outcomes),
                Err(error) => tracing::debug!(%error, "a batch needs a closer look"),
            }
        }
        let mut attempt = 0;
        loop {
            match self.send(batch, Way::Checked).await {
                Err(error) if attempt < RETRIES && has_no_room(&error) => {
                    attempt += 1;
                    self.find_room(batch.events()).await;
                }
                Err(error) if attempt < RETRIES && is_passing(&error) => {
                    attempt += 1;
                    tracing::warn!(%error, attempt, "the database went away; sending it again");
                    tokio::time::sleep(Duration::from_millis(50 << attempt)).await;
                }
                answer => return answer,
            }
        }
    }

    /// Makes the partition that was missed: the head is not where this process left it.
    async fn find_room(&mut self, batch: i64) {
        match log::head(&self.pool).await {
            Ok(head) => self.make_partitions(head, batch).await,
            Err(error) => tracing::warn!(error = format!("{error:#}"), "the log has no head"),
        }
    }

    /// Sends a batch once. A connection that failed is not used again.
    async fn send(&mut self, batch: &Batch, way: Way) -> Result<Vec<Outcome>, Error> {
        let answer = timeout(PATIENCE, async {
            let mut connection = match self.connection.take() {
                Some(connection) => connection,
                None => connect(&self.pool).await?,
            };
            let answer = match way {
                Way::Trusting => batch.append_trusting(&mut connection).await,
                Way::Checked => batch.append_checked(&mut connection).await,
            };
            if !answer.as_ref().is_err_and(is_lost) {
                self.connection = Some(connection);
            }
            answer
        });
        answer.await.unwrap_or(Err(Error::PoolTimedOut))
    }
}

async fn connect(pool: &PgPool) -> Result<PgConnection, Error> {
    let mut connection = PgConnection::connect_with(&pool.connect_options()).await?;
    connection.execute(SETTINGS).await?;
    Ok(connection)
}

/// Whether the database refused because the partition is missing.
fn has_no_room(error: &Error) -> bool {
    is_of_class(error, &["23514"])
}

/// Whether the connection is of no more use.
fn is_lost(error: &Error) -> bool {
    // Class 08: connection, 57: the operator stopped it.
    !matches!(error, Error::Database(_)) || is_of_class(error, &["08", "57"])
}

/// Whether the same call may do better in a moment.
fn is_passing(error: &Error) -> bool {
    // Class 25: read-only for now, 40: rolled back, 53: out of resources, 55: locked.
    is_lost(error) || is_of_class(error, &["25", "40", "53", "55"])
}

fn is_of_class(error: &Error, classes: &[&str]) -> bool {
    let code = error.as_database_error().and_then(sqlx::error::DatabaseError::code);
    code.is_some_and(|code| classes.iter().any(|class| code.starts_with(class)))
}
