//! How fast the whole log is read and decoded, beside `COPY`, which only reads it.

use std::{
    process::Stdio,
    time::{Duration, Instant},
};

use anyhow::{Context, ensure};
use eventlog::{EventLog, Live, MasterKey};
use futures_util::TryStreamExt;
use tokio::process::Command;

use super::{
    bulk::{EVENTS, Filler},
    cluster::Cluster,
    crew::lap,
    place,
    report::{Row, Target, median},
};

const DATABASE: &str = "read";
/// Callers who fill the log, and how many commands each gives.
const FILLERS: usize = 16;
const COMMANDS: usize = 250;
const ROUNDS: usize = 3;
/// What reading with decoding is to reach, against reading alone.
const TARGET: f64 = 0.5;

/// Reads a log of four hundred thousand events.
pub async fn run(cluster: &Cluster) -> anyhow::Result<Vec<Row>> {
    let pool = cluster.database(DATABASE).await?;
    let log = EventLog::open(pool.clone(), &MasterKey::generate()?, Live::default()).await?;
    let fillers = (0..FILLERS).map(|_| Filler::new(&log)).collect();
    lap(fillers, COMMANDS).await?;
    sqlx::query("vacuum analyze").execute(&pool).await?;
    let events = u32::try_from(FILLERS * COMMANDS)? * EVENTS;
    let (mut copies, mut raw, mut replays) = (vec![], vec![], vec![]);
    for _ in 0..ROUNDS {
        copies.push(per_second(events, copy(cluster).await?));
        raw.push(per_second(events, scan(&log, events).await?));
        replays.push(per_second(events, replay(&log, events).await?));
    }
    let reference = median(copies);
    let row = |name, rates| Row::new(name, median(rates), "events/s").against(reference);
    Ok(vec![row("scan", raw), row("replay", replays).target(Target::AtLeast(TARGET))])
}

async fn scan(log: &EventLog, events: u32) -> anyhow::Result<Duration> {
    let began = Instant::now();
    let mut pieces = log.scan(0, log.head().await?);
    let mut read = 0;
    while let Some(piece) = pieces.try_next().await? {
        read += piece.len();
    }
    ensure!(read == usize::try_from(events)?, "{read} of {events} were read");
    Ok(began.elapsed())
}

async fn replay(log: &EventLog, events: u32) -> anyhow::Result<Duration> {
    let began = Instant::now();
    let mut pieces = log.replay(0, log.head().await?);
    let mut read = 0;
    while let Some(piece) = pieces.try_next().await? {
        read += piece.len();
    }
    ensure!(read == usize::try_from(events)?, "{read} of {events} were read");
    Ok(began.elapsed())
}

/// Has `psql` read the log and throw it away.
async fn copy(cluster: &Cluster) -> anyhow::Result<Duration> {
    let began = Instant::now();
    let statement = "copy (select * from log.event order by position) to stdout";
    let status = Command::new(place::postgres("psql")?)
        .args(["-X", "-q", "-c", statement])
        .args(cluster.arguments(DATABASE))
        .stdout(Stdio::null())
        .kill_on_drop(true)
        .status()
        .await
        .context("running psql")?;
    ensure!(status.success(), "psql: {status}");
    Ok(began.elapsed())
}

fn per_second(events: u32, time: Duration) -> f64 {
    f64::from(events) / time.as_secs_f64()
}
