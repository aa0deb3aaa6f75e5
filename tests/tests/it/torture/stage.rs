//! One torture: a log, its copy in NATS, what disturbs it, who writes and who reads.

use std::{
    path::PathBuf,
    time::{Duration, Instant},
};

use eventlog::{Broker, EventLog};
use sqlx::{PgPool, Postgres, Transaction};
use tests::{Dice, Outcome, scratch};
use tokio::task::{JoinHandle, JoinSet};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;
use workers::Relay;

use super::{
    audit::Audit,
    backwards::Backwards,
    followers::{Follower, Way},
    writers,
};
use crate::log::{
    database::{Database, TestLog},
    nats::Nats,
};

/// The longest pause between two transactions that take the head and give it back.
const BETWEEN_ROLLBACKS: Duration = Duration::from_millis(60);

/// Who writes.
#[derive(Clone, Copy)]
pub enum Who {
    /// Tasks of this process, with two batchers.
    Tasks { writers: u64 },
    /// Other processes.
    Processes { count: u64, writers: u64, are_killed: bool },
}

/// A log under torture.
pub struct Stage {
    pub log: TestLog,
    pub seed: u64,
    pub journals: PathBuf,
    outcome: Outcome,
    nats: Nats,
    broker: Broker,
}

impl Stage {
    pub async fn set(name: &'static str) -> anyhow::Result<Self> {
        let seed = Dice::seed(name);
        let nats = Nats::start()?;
        let broker = Broker::connect(&nats.url()).await?;
        let (log, journals) = (TestLog::create().await?, scratch()?);
        Ok(Self { log, seed, journals, outcome: Outcome::of(name, seed), nats, broker })
    }

    /// Writes for a while, and looks at what there is afterwards.
    pub async fn play(mut self, who: Who, length: Duration) -> anyhow::Result<()> {
        let stop = CancellationToken::new();
        let relay = Relay::new((*self.log).clone(), self.broker.clone(), Uuid::now_v7());
        let relay = tokio::spawn(relay.run(stop.clone()));
        let elsewhere = Database::create().await?;
        let open =
            [open_for_long(&self.log.database.pool).await?, open_for_long(&elsewhere.pool).await?];
        let written = CancellationToken::new();
        let rollbacks = self.roll_back(&written);
        let followers = self.followers(&written);
        let backwards =
            tokio::spawn(Backwards::new((*self.log).clone(), self.seed).run(stop.clone()));

        let kills = writers::write(&self, who, Instant::now() + length).await?;

        written.cancel();
        self.outcome.add(format!("{} transactions rolled back", rollbacks.await??));
        for open in open {
            open.rollback().await?;
        }
        let head = self.log.head().await?;
        let audit = Audit::of(&self, head).await?;
        let deaths = audit.followers(followers, head).await?;
        audit.broker(&self.broker, self.log.epoch().await?).await?;
        stop.cancel();
        relay.await?;
        self.outcome.add(format!("{} events read backwards", backwards.await??));
        self.tell(&audit, kills, deaths)
    }

    fn tell(mut self, audit: &Audit, kills: u64, deaths: u64) -> anyhow::Result<()> {
        audit.describe(&mut self.outcome);
        std::fs::remove_dir_all(&self.journals)?;
        let faults = format!("{kills} writers, {deaths} followers killed");
        self.outcome.tell(audit.events(), faults)
    }

    /// Three followers that are killed again and again.
    fn followers(&self, written: &CancellationToken) -> JoinSet<anyhow::Result<Follower>> {
        let ways = [Way::Polling, Way::Feed, Way::JetStream];
        let mut followers = JoinSet::new();
        for (number, way) in (1..).zip(ways) {
            let follower = Follower::new(way, (*self.log).clone(), self.nats.url());
            followers.spawn(follower.follow(Dice::of(self.seed, 1000 + number), written.clone()));
        }
        followers
    }

    /// Transactions that take the head, move it and are rolled back: their positions come again.
    fn roll_back(&self, stop: &CancellationToken) -> JoinHandle<anyhow::Result<u64>> {
        let (log, stop) = ((*self.log).clone(), stop.clone());
        let mut dice = Dice::of(self.seed, 2000);
        tokio::spawn(async move {
            let mut count = 0;
            while !stop.is_cancelled() {
                roll_back_once(&log, &mut dice).await?;
                count += 1;
                tokio::time::sleep(dice.between(Duration::ZERO, BETWEEN_ROLLBACKS)).await;
            }
            Ok(count)
        })
    }
}

async fn roll_back_once(log: &EventLog, dice: &mut Dice) -> anyhow::Result<()> {
    let mut transaction = log.pool().begin().await?;
    sqlx::query("update log.head set position = position + $1 where log_id = 1")
        .bind(dice.below(100).cast_signed())
        .execute(&mut *transaction)
        .await?;
    tokio::time::sleep(dice.between(Duration::ZERO, Duration::from_millis(5))).await;
    Ok(transaction.rollback().await?)
}

/// A transaction with a snapshot and an id of its own, which hold back whoever counts on them.
async fn open_for_long(pool: &PgPool) -> anyhow::Result<Transaction<'static, Postgres>> {
    let mut open = pool.begin_with("begin isolation level repeatable read").await?;
    sqlx::query("select count(*), pg_current_xact_id()::text from log.event group by 2")
        .execute(&mut *open)
        .await?;
    Ok(open)
}
