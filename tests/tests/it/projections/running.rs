//! One leader for all projections, and those that catch up by themselves.

use std::time::{Duration, Instant};

use domain::user;
use eventlog::{Broker, EventLog, Position};
use projections::{Projection, Queries};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::log::database::{TestLog, failure, registration, write};

/// How long anything may take.
pub const LIMIT: Duration = Duration::from_secs(20);

/// A leader, or one who waits to be: without NATS it reads the log itself.
pub struct Runner {
    task: JoinHandle<anyhow::Result<()>>,
    stop: CancellationToken,
}

impl Runner {
    pub async fn start(log: &EventLog) -> anyhow::Result<Self> {
        let broker = Broker::connect("nats://127.0.0.1:9").await?;
        let stop = CancellationToken::new();
        let task = tokio::spawn(projections::run(log.clone(), broker, stop.clone()));
        Ok(Self { task, stop })
    }

    /// As kill -9: it gives nothing back.
    pub fn kill(self) {
        self.task.abort();
    }

    pub async fn stop(self) -> anyhow::Result<()> {
        self.stop.cancel();
        self.task.await?
    }
}

/// Waits until all projections show the whole log.
pub async fn caught_up(log: &EventLog) -> anyhow::Result<Position> {
    let head = log.head().await?;
    let is_visible = Queries::new(log.clone()).wait_for(head, LIMIT).await?;
    anyhow::ensure!(is_visible, "the projections do not come to {head}");
    Ok(head)
}

/// Waits until something is so.
pub async fn eventually<F: Future<Output = anyhow::Result<bool>>>(
    what: &str,
    is_so: impl Fn() -> F,
) -> anyhow::Result<()> {
    let began = Instant::now();
    while !is_so().await? {
        anyhow::ensure!(began.elapsed() < LIMIT, "not within {LIMIT:?}: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Ok(())
}

/// Registers so many people, each with a verified mailbox.
pub async fn register(log: &EventLog, count: usize) -> anyhow::Result<Vec<Uuid>> {
    let mut people = Vec::with_capacity(count);
    for _ in 0..count {
        let id = Uuid::now_v7();
        let mut command = registration(id, &format!("{id}@example.org"));
        command.events.push(user::Event::EmailVerified { challenge: None });
        command.to(log).await?;
        people.push(id);
    }
    Ok(people)
}

#[tokio::test]
async fn all_projections_follow_the_log_in_step() -> anyhow::Result<()> {
    let log = TestLog::create().await?;
    let runner = Runner::start(&log).await?;

    register(&log, 20).await?;
    failure(Uuid::now_v7(), 0).to(&log).await?;
    let head = caught_up(&log).await?;

    assert_eq!(head, 41);
    assert_eq!(log.database.number("select count(*) from user_view where is_verified").await?, 20);
    assert_eq!(log.database.number("select events from admin_day_view").await?, 41);
    runner.stop().await
}

#[tokio::test]
async fn a_projection_that_was_set_back_catches_up_and_joins_the_others_again() -> anyhow::Result<()>
{
    let log = TestLog::create().await?;
    let runner = Runner::start(&log).await?;
    register(&log, 300).await?;
    caught_up(&log).await?;

    // As a rollback does it: older rows and an older checkpoint, in one transaction.
    log.database
        .execute(
            "with moved as (update read.projection set checkpoint = 0 where name = 'users')
            delete from user_view",
        )
        .await?;
    let people = register(&log, 10).await?;
    let verified = vec![user::Event::Deactivated {}];
    write::<user::User>(people[0], 2, verified).to(&log).await?;
    let users = || async {
        let ready = "select count(*) from user_view";
        Ok(log.database.number(ready).await? == 310)
    };
    eventually("all accounts are there again", users).await?;

    register(&log, 10).await?;
    let head = caught_up(&log).await?;
    let lagging = "select count(*) from read.projection p, log.head h where checkpoint < position";
    assert_eq!(log.database.number(lagging).await?, 0, "{head}");
    assert_eq!(log.database.number("select count(*) from user_view").await?, 320);
    assert_eq!(log.database.number("select events from admin_day_view").await?, head);
    runner.stop().await
}

#[tokio::test]
async fn another_process_takes_over_from_one_that_was_killed() -> anyhow::Result<()> {
    let log = TestLog::create().await?;
    let other = log.database.open().await?;
    let first = Runner::start(&log).await?;
    register(&log, 20).await?;
    caught_up(&log).await?;
    let second = Runner::start(&other).await?;
    register(&log, 20).await?;
    caught_up(&log).await?;
    let fence = "select fence from log.lease where name = 'projections'";
    let leader = log.database.number(fence).await?;

    first.kill();
    let killed = Instant::now();
    register(&log, 20).await?;
    caught_up(&log).await?;

    assert!(killed.elapsed() < Duration::from_secs(8), "{:?}", killed.elapsed());
    assert_eq!(log.database.number(fence).await?, leader + 1);
    let fences = "select count(*) from read.projection p, log.lease l
        where l.name = 'projections' and p.fence = l.fence";
    assert_eq!(usize::try_from(log.database.number(fences).await?)?, Projection::ALL.len());
    assert_eq!(log.database.number("select count(*) from user_view").await?, 60);
    assert_eq!(log.database.number("select events from admin_day_view").await?, 120);
    second.stop().await
}
