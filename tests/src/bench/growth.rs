//! Whether appending costs more in a log of millions; takes minutes, so only when it is asked for.

use std::time::Duration;

use eventlog::{EventLog, Live, MasterKey};

use super::{
    append::keepers,
    bulk::{EVENTS, Filler},
    cluster::Cluster,
    crew::{lap, rate},
    report::{Row, Target, median},
};

/// The small log and the large one, in events.
const SMALL: i64 = 100_000;
const LARGE: i64 = 5_000_000;
const CALLERS: usize = 64;
const FILLERS: usize = 16;
const ROUNDS: usize = 5;
const ROUND: Duration = Duration::from_secs(4);
const WARM_UP: Duration = Duration::from_secs(2);

/// Compares the rates of the same log at both sizes.
pub async fn run(cluster: &Cluster) -> anyhow::Result<Vec<Row>> {
    let pool = cluster.database("growth").await?;
    let log = EventLog::open(pool.clone(), &MasterKey::generate()?, Live::default()).await?;
    let mut rates = Vec::new();
    for size in [SMALL, LARGE] {
        fill(&log, size).await?;
        sqlx::query("checkpoint").execute(&pool).await?;
        rates.push(appends(&log).await?);
    }
    let row = Row::new("append_log_64_at_5m", rates[1], "commands/s").against(rates[0]);
    Ok(vec![row.target(Target::AtLeast(0.9))])
}

async fn fill(log: &EventLog, size: i64) -> anyhow::Result<()> {
    let missing = size - log.head().await?;
    let commands = usize::try_from(missing / i64::from(EVENTS))?.div_ceil(FILLERS);
    lap((0..FILLERS).map(|_| Filler::new(log)).collect(), commands).await?;
    Ok(())
}

async fn appends(log: &EventLog) -> anyhow::Result<f64> {
    let mut keepers = keepers(log, CALLERS);
    rate(&mut keepers, WARM_UP).await?;
    let mut rates = Vec::new();
    for _ in 0..ROUNDS {
        rates.push(rate(&mut keepers, ROUND).await?);
    }
    Ok(median(rates))
}
