//! Reading a long stretch of the log: Postgres streams it while what came before is worked on.

use std::{
    num::NonZeroUsize,
    pin::Pin,
    task::{Context, Poll},
    thread,
};

use futures_util::{FutureExt, Stream, StreamExt, stream};
use tokio::task::JoinHandle;

use crate::{EventLog, Position, RawEvent, Recorded, copy, follow::Row};

/// Positions in a piece.
const PIECE: Position = 4096;
/// Pieces that are read while others are worked on.
const AHEAD: usize = 2;

impl EventLog {
    /// The events after `after` up to `upto`, in order and without a gap, in pieces of a few thousand.
    pub fn scan(
        &self,
        after: Position,
        upto: Position,
    ) -> impl Stream<Item = anyhow::Result<Vec<RawEvent>>> + Unpin + use<> {
        let log = self.clone();
        let raw = move |after: Position, rows: Vec<Row>| {
            let log = log.clone();
            async move { log.in_order(after, rows).await }
        };
        self.scan_and(after, upto, raw)
    }

    /// The same, decoded on as many cores as there are.
    pub fn replay(
        &self,
        after: Position,
        upto: Position,
    ) -> impl Stream<Item = anyhow::Result<Vec<Recorded>>> + Unpin + use<> {
        let log = self.clone();
        let decode = move |after: Position, rows: Vec<Row>| {
            let log = log.clone();
            async move { log.decode(log.in_order(after, rows).await?).await }
        };
        self.scan_and(after, upto, decode)
    }

    /// Reads piece after piece and does `work` on each beside the reading, in order. `work` is told
    /// the position before the piece, and finds in it whatever the table holds.
    pub(crate) fn scan_and<T, F, W>(
        &self,
        after: Position,
        upto: Position,
        work: W,
    ) -> impl Stream<Item = anyhow::Result<T>> + Unpin + use<T, F, W>
    where
        T: Send + 'static,
        F: Future<Output = anyhow::Result<T>> + Send + 'static,
        W: FnOnce(Position, Vec<Row>) -> F + Clone + Send + 'static,
    {
        let log = self.clone();
        let starts = (0..).map(move |piece| after + piece * PIECE).take_while(move |it| *it < upto);
        let pieces = stream::iter(starts).map(move |start| {
            let log = log.clone();
            Task(tokio::spawn(async move {
                Ok((start, log.stretch(start, upto.min(start + PIECE)).await?))
            }))
        });
        let worked = pieces.buffered(AHEAD).map(move |piece| {
            let work = work.clone();
            Task(tokio::spawn(async move {
                let (start, rows) = piece?;
                work(start, rows).await
            }))
        });
        Box::pin(worked.buffered(thread::available_parallelism().map_or(1, NonZeroUsize::get)))
    }

    /// The rows after a position up to another, wherever they are and whatever is missing among them.
    async fn stretch(&self, after: Position, upto: Position) -> anyhow::Result<Vec<Row>> {
        let (rows, is_behind) = self.look(after, upto).await?;
        if !is_behind {
            return Ok(rows);
        }
        // Moved to a file, or back from it, since this process looked.
        self.shelf.refresh(&self.pool).await?;
        Ok(self.look(after, upto).await?.0)
    }

    /// The archived rows that are known of and those of the table after them; whether some are missing
    /// between the two.
    async fn look(&self, after: Position, upto: Position) -> anyhow::Result<(Vec<Row>, bool)> {
        let mut rows = self.archived_stretch(after, upto).await?;
        let at = rows.last().map_or(after, |row| row.position);
        let rest = copy::rows(&self.pool, at, upto).await?;
        let is_behind = rest.first().map_or(at < upto, |row| row.position > at + 1);
        rows.extend(rest);
        Ok((rows, is_behind))
    }

    /// The rows after a position up to another, as far as they are known to be archived.
    async fn archived_stretch(&self, after: Position, upto: Position) -> anyhow::Result<Vec<Row>> {
        let mut rows: Vec<Row> = Vec::new();
        let mut at = after;
        while at < upto {
            let Some(more) = self.archived_rows(at, upto - at).await? else { break };
            let Some(last) = more.last() else { break };
            at = last.position;
            rows.extend(more);
        }
        Ok(rows)
    }
}

/// Work on another core that ends with whoever waits for it.
struct Task<T>(JoinHandle<anyhow::Result<T>>);

impl<T> Future for Task<T> {
    type Output = anyhow::Result<T>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        self.0.poll_unpin(context).map(|ended| ended?)
    }
}

impl<T> Drop for Task<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}
