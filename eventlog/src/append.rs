//! Appending: one batcher takes every command that waits and writes them in one call.

use domain::{Aggregate, ClaimScope};
use tokio::sync::{mpsc, oneshot, watch};

use crate::{Append, EventLog, Gone, Position, encode::Encoded, queue::Queue, writer::Writer};

/// Where a command's events stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Appended {
    /// The first one.
    pub first: Position,
    /// The last one.
    pub last: Position,
    /// How many events the stream held then.
    pub version: i64,
    /// Whether they stood there already when the log looked: it answers from the command's receipt.
    pub is_repeated: bool,
}

impl Appended {
    /// The answer to the same command when it comes again.
    #[must_use]
    pub const fn again(self) -> Self {
        Self { is_repeated: true, ..self }
    }
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
    /// The person that the events tell of was erased.
    #[error(transparent)]
    Gone(#[from] Gone),
    /// The log cannot be reached, or the command cannot be written down.
    #[error(transparent)]
    Unavailable(anyhow::Error),
}

impl From<anyhow::Error> for AppendError {
    fn from(error: anyhow::Error) -> Self {
        match error.downcast::<Gone>() {
            Ok(gone) => Self::Gone(gone),
            Err(error) => Self::Unavailable(error),
        }
    }
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
        let (stream, events) = (append.stream, append.events.len());
        let command = self.encode(append).await?;
        let destroyed = command.destroyed();
        let (reply, answer) = oneshot::channel();
        self.appends
            .send(Pending { command, reply })
            .await
            .map_err(|_| anyhow::anyhow!("the log is shutting down"))?;
        let appended = answer.await.map_err(|_| anyhow::anyhow!("the log is shutting down"))??;
        for subject in destroyed {
            self.forget(subject).await;
        }
        self.appended::<A>(stream, appended.version, events);
        Ok(appended)
    }
}

/// Writes batch after batch until nobody can send any more.
pub(crate) async fn run(
    mut writer: Writer,
    waiting: mpsc::Receiver<Pending>,
    head: watch::Sender<Position>,
) {
    let mut queue = Queue::new(waiting);
    while let Some(riders) = queue.next().await {
        metrics::histogram!("annals_append_batch_commands").record(metric(riders.len()));
        let Some(position) = writer.write(riders).await else { continue };
        head.send_if_modified(|head| {
            let is_further = position > *head;
            *head = position.max(*head);
            is_further
        });
        writer.make_room(position).await;
    }
}

/// Metrics count in floats, exactly up to 2^32.
fn metric(count: usize) -> f64 {
    u32::try_from(count).map_or(f64::INFINITY, f64::from)
}
