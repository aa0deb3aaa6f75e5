//! A follower that reads from the end to the beginning, and checks versions on its way.

use std::{collections::HashMap, time::Duration};

use anyhow::ensure;
use eventlog::{EventLog, Position};
use tests::Dice;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// Events read at once at most.
const WINDOW: u64 = 700;

/// Reads the log backwards, again and again.
pub struct Backwards {
    log: EventLog,
    dice: Dice,
}

impl Backwards {
    pub fn new(log: EventLog, seed: u64) -> Self {
        Self { log, dice: Dice::of(seed, 4000) }
    }

    /// Goes through the log until told to stop, then once more; says how many events that were.
    pub async fn run(mut self, stop: CancellationToken) -> anyhow::Result<i64> {
        let mut read = 0;
        while !stop.is_cancelled() {
            let head = self.log.head().await?;
            read += self.descend(head).await?;
            let _ = stop.run_until_cancelled(sleep(Duration::from_millis(20))).await;
        }
        let head = self.log.head().await?;
        Ok(read + self.descend(head).await?)
    }

    /// From a position that was the head down to the first, while the log grows behind.
    async fn descend(&mut self, head: Position) -> anyhow::Result<i64> {
        let mut lowest: HashMap<Uuid, i64> = HashMap::new();
        let mut upper = head;
        while upper > 0 {
            let lower = (upper - 1 - self.dice.below(WINDOW).cast_signed()).max(0);
            let events = self.log.read_at_most(lower, upper - lower).await?;
            ensure!(events.last().is_some_and(|last| last.position == upper), "{upper} is missing");
            for event in events.iter().rev() {
                let later = lowest.insert(event.stream, event.version);
                let is_next = later.is_none_or(|later| later == event.version + 1);
                ensure!(
                    is_next,
                    "version {later:?} follows {} at {}",
                    event.version,
                    event.position
                );
            }
            upper = lower;
        }
        let broken = lowest.iter().find(|(_, version)| **version != 1);
        ensure!(broken.is_none(), "a stream begins with version {broken:?}");
        Ok(head)
    }
}
