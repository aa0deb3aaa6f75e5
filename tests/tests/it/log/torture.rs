//! Many writers, many readers, and a database that cuts connections.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::{Duration, Instant},
};

use domain::login::Login;
use eventlog::{EventLog, Expected, Position};
use futures_util::future::join_all;
use tokio::task::JoinSet;
use uuid::Uuid;

use super::database::{TestLog, Write, failed, failure, registration};

const TORTURE: Duration = Duration::from_secs(5);

/// Writes until the end; some commands are meant to be refused. Returns how many events were written.
async fn write_on(log: EventLog, streams: Arc<Vec<Uuid>>, seed: usize, end: Instant) -> i64 {
    let mut written = 0;
    for turn in seed.. {
        if Instant::now() >= end {
            break;
        }
        let stream = streams[(turn * 7) % streams.len()];
        let outcome = match turn % 5 {
            0 => failure(Uuid::now_v7(), 0).to(&log).await,
            1 => Write { expected: Expected::Any, ..failure(stream, 0) }.to(&log).await,
            2 => registration(Uuid::now_v7(), "taken@example.org").to(&log).await,
            _ => {
                let version = log.load::<Login>(stream).await.expect("a stream").version;
                let mut command = failure(stream, version);
                command.events.push(failed());
                command.to(&log).await
            }
        };
        written += outcome.map_or(0, |done| done.last - done.first + 1);
    }
    written
}

/// Reads on and on until `head` says where the end is. Reading itself refuses gaps.
async fn follow(log: EventLog, head: Arc<AtomicI64>) -> Vec<(Position, Uuid, i64)> {
    let mut seen = Vec::new();
    loop {
        let after = i64::try_from(seen.len()).expect("a position");
        if after == head.load(Ordering::SeqCst) {
            return seen;
        }
        let batch = log.read(after).await.expect("a log without gaps");
        seen.extend(batch.iter().map(|event| (event.position, event.stream, event.version)));
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_follower_sees_every_event_once_and_in_order() -> anyhow::Result<()> {
    let log = TestLog::create().await?;
    let other = log.database.open().await?;
    registration(Uuid::now_v7(), "taken@example.org").to(&log).await?;
    // A transaction that is open all the time, with a snapshot and a transaction id of its own.
    let mut open = log.database.pool.begin().await?;
    sqlx::query("select count(*) from log.event").execute(&mut *open).await?;
    sqlx::query("insert into log.event_type (name, schema_version) values ('open', 9)")
        .execute(&mut *open)
        .await?;
    let streams: Arc<Vec<Uuid>> = Arc::new((0..16).map(|_| Uuid::now_v7()).collect());
    let end = Instant::now() + TORTURE;
    let head = Arc::new(AtomicI64::new(-1));

    let mut writers = JoinSet::new();
    for seed in 0..32 {
        let log = if seed % 2 == 0 { log.clone() } else { other.clone() };
        writers.spawn(write_on(log, Arc::clone(&streams), seed, end));
    }
    let mut followers = JoinSet::new();
    for _ in 0..4 {
        followers.spawn(follow(log.clone(), Arc::clone(&head)));
    }
    let written: i64 = writers.join_all().await.into_iter().sum();
    head.store(log.head().await?, Ordering::SeqCst);
    let seen = followers.join_all().await;

    assert_eq!(log.head().await?, written + 1, "what was acknowledged is what was written");
    assert!(written > 100, "{written} events prove little");
    for events in &seen {
        assert_eq!(events, &seen[0]);
        assert!(events.iter().map(|event| event.0).eq(1..=written + 1));
    }
    assert_eq!(log.verify(drop).await?.fault, None, "versions are right as well");
    open.rollback().await?;
    Ok(())
}

/// Cuts every connection of the batchers again and again until told to stop.
async fn cut(log: EventLog, end: Instant) -> i64 {
    let mut cuts = 0;
    while Instant::now() < end {
        let sql = "select count(pg_terminate_backend(pid)) from pg_stat_activity
            where datname = current_database() and pid <> pg_backend_pid() and query like '%append%'";
        if let Ok(cut) = sqlx::query_scalar::<_, i64>(sql).fetch_one(log.pool()).await {
            cuts += cut;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    cuts
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acknowledged_is_there_once_although_connections_are_cut() -> anyhow::Result<()> {
    let log = TestLog::create().await?;
    let other = log.database.open().await?;
    let end = Instant::now() + Duration::from_secs(3);

    let cutter = tokio::spawn(cut(log.clone(), end));
    let writers = (0..32).map(|number| {
        let log = if number % 2 == 0 { log.clone() } else { other.clone() };
        async move {
            let mut acknowledged = Vec::new();
            while Instant::now() < end {
                let command = failure(Uuid::now_v7(), 0);
                acknowledged.push((
                    command.to(&log).await.expect("a passing fault").first,
                    command.command,
                ));
            }
            acknowledged
        }
    });
    let mut acknowledged: Vec<_> = join_all(writers).await.into_iter().flatten().collect();

    assert!(cutter.await? > 5, "too few cuts to prove anything");
    acknowledged.sort_unstable();
    let stored: Vec<(i64, Uuid)> =
        sqlx::query_as("select position, command_id from log.event order by position")
            .fetch_all(&log.database.pool)
            .await?;
    assert!(acknowledged == stored, "{} acknowledged, {} stored", acknowledged.len(), stored.len());
    assert_eq!(log.verify(drop).await?.fault, None);
    Ok(())
}
