//! Filling new tables: reading, decoding and writing go on at the same time, and several connections
//! write, each the rows of some buckets.

use std::{num::NonZeroUsize, thread::available_parallelism};

use anyhow::Context;
use eventlog::{Position, Recorded};
use futures_util::TryStreamExt;
use sqlx::{Connection, PgConnection};
use tokio::{
    sync::{mpsc, oneshot},
    task::JoinSet,
};
use uuid::Uuid;

use super::{Progress, Slot, Source, progress::Reporter, schema, use_schema};
use crate::{Projection, connection::connect};

/// Connections that write at most.
const MOST_LANES: usize = 4;
/// Pieces that wait for each of them at most.
const AHEAD: usize = 3;

/// Work for one connection, in order.
enum Work {
    Write(Vec<Recorded>),
    /// Answers when all before it is written.
    Settle(oneshot::Sender<()>),
}

/// Takes in what stands after one position, up to another.
pub(super) async fn fill<F: FnMut(Progress)>(
    source: &Source,
    (after, target): (Position, Position),
    reporter: &mut Reporter<F>,
) -> anyhow::Result<()> {
    if after >= target {
        return Ok(());
    }
    let mut writers = JoinSet::new();
    let lanes = Lanes::open(source, &mut writers).await?;
    let dealt = deal_out(source, &lanes, (after, target), reporter).await;
    drop(lanes);
    // The cause of a failure is with the writer that failed, not with those that miss it.
    while let Some(ended) = writers.join_next().await {
        ended.context("a writer of the rebuild panicked")??;
    }
    dealt
}

/// Deals all events out to those who write, decoded on as many cores as there are.
async fn deal_out<F: FnMut(Progress)>(
    source: &Source,
    lanes: &Lanes,
    (after, target): (Position, Position),
    reporter: &mut Reporter<F>,
) -> anyhow::Result<()> {
    let mut parts = source
        .log
        .scan(after, target)
        .map_ok(|events| {
            let source = source.clone();
            let decoded = tokio::spawn(async move { source.decode(events).await });
            async move { decoded.await.context("decoding panicked")? }
        })
        .try_buffered(cores());
    while let Some((last, events)) = parts.try_next().await? {
        lanes.deal(source.projection, events).await?;
        reporter.report(last, target).await;
    }
    lanes.settle().await
}

fn cores() -> usize {
    available_parallelism().map_or(1, NonZeroUsize::get)
}

/// Connections that write at the same time.
struct Lanes(Vec<mpsc::Sender<Work>>);

impl Lanes {
    async fn open(
        source: &Source,
        tasks: &mut JoinSet<anyhow::Result<()>>,
    ) -> anyhow::Result<Self> {
        let mut lanes = Vec::new();
        for _ in 0..cores().min(MOST_LANES) {
            let mut db = connect(source.log.pool()).await?;
            use_schema(&mut db, &schema(source.projection, Slot::Next)).await?;
            let (work, waiting) = mpsc::channel(AHEAD);
            tasks.spawn(write(source.projection, db, waiting));
            lanes.push(work);
        }
        Ok(Self(lanes))
    }

    /// Events of one key go to one lane, in their order; before and after one that bears on several
    /// keys, all lanes wait for each other.
    async fn deal(&self, projection: Projection, events: Vec<Recorded>) -> anyhow::Result<()> {
        let mut hands: Vec<Vec<Recorded>> = self.0.iter().map(|_| Vec::new()).collect();
        for event in events {
            if let Some(key) = projection.key(&event) {
                hands[self.lane(key)].push(event);
                continue;
            }
            self.give(&mut hands).await?;
            self.settle().await?;
            hands[0].push(event);
            self.give(&mut hands).await?;
            self.settle().await?;
        }
        self.give(&mut hands).await
    }

    fn lane(&self, key: Uuid) -> usize {
        // The bucket of a stream.
        usize::from(key.as_bytes()[15]) % self.0.len()
    }

    async fn give(&self, hands: &mut [Vec<Recorded>]) -> anyhow::Result<()> {
        for (lane, hand) in self.0.iter().zip(hands) {
            if !hand.is_empty() {
                let work = Work::Write(std::mem::take(hand));
                lane.send(work).await.ok().context("the rebuild has failed")?;
            }
        }
        Ok(())
    }

    async fn settle(&self) -> anyhow::Result<()> {
        for lane in &self.0 {
            let (done, settled) = oneshot::channel();
            lane.send(Work::Settle(done)).await.ok().context("the rebuild has failed")?;
            settled.await.context("the rebuild has failed")?;
        }
        Ok(())
    }
}

async fn write(
    projection: Projection,
    mut db: PgConnection,
    mut work: mpsc::Receiver<Work>,
) -> anyhow::Result<()> {
    while let Some(work) = work.recv().await {
        match work {
            Work::Write(events) => {
                let all: Vec<&Recorded> = events.iter().collect();
                if let Err(error) = write_at_once(projection, &mut db, &all).await {
                    return Err(blame(projection, &mut db, &all).await.unwrap_or(error));
                }
            }
            Work::Settle(done) => drop(done.send(())),
        }
    }
    Ok(())
}

async fn write_at_once(
    projection: Projection,
    db: &mut PgConnection,
    events: &[&Recorded],
) -> anyhow::Result<()> {
    let mut transaction = db.begin().await?;
    projection.write(&mut transaction, events).await?;
    Ok(transaction.commit().await?)
}

/// The failure of the first event that cannot be taken in, which tells its position and type.
async fn blame(
    projection: Projection,
    db: &mut PgConnection,
    events: &[&Recorded],
) -> Option<anyhow::Error> {
    for event in events {
        if let Err(error) = write_at_once(projection, db, &[event]).await {
            return Some(error);
        }
    }
    None
}
