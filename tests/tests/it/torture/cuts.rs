//! A database that cuts the connections of those who write.

use std::time::{Duration, Instant};

use eventlog::EventLog;
use futures_util::future::join_all;
use uuid::Uuid;

use crate::log::database::{TestLog, failure};

/// Cuts every connection of the batchers again and again until told to stop; no other one, and not
/// the one that this query is sent on.
async fn cut(log: EventLog, end: Instant) -> i64 {
    let mut cuts = 0;
    while Instant::now() < end {
        let sql = "select count(pg_terminate_backend(pid)) from pg_stat_activity
            where datname = current_database() and query ~ 'log[.]append_'";
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
