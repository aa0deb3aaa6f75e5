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

/// Compares the rates of two logs, in turn: the machine is not equally fast from minute to minute.
pub async fn run(cluster: &Cluster) -> anyhow::Result<Vec<Row>> {
    let large = filled(cluster, "growth_large", LARGE).await?;
    let small = filled(cluster, "growth_small", SMALL).await?;
    let (mut rates, mut references) = (vec![], vec![]);
    for _ in 0..ROUNDS {
        references.push(rate(&mut keepers(&small, CALLERS), ROUND).await?);
        rates.push(rate(&mut keepers(&large, CALLERS), ROUND).await?);
    }
    let row = Row::new("append_log_64_at_5m", median(rates), "commands/s");
    Ok(vec![row.against(median(references)).target(Target::AtLeast(0.9))])
}

/// A log of so many events, on disk and warm.
async fn filled(cluster: &Cluster, database: &str, size: i64) -> anyhow::Result<EventLog> {
    let pool = cluster.database(database).await?;
    let log = EventLog::open(pool.clone(), &MasterKey::generate()?, Live::default()).await?;
    fill(&log, size).await?;
    sqlx::query("checkpoint").execute(&pool).await?;
    rate(&mut keepers(&log, CALLERS), WARM_UP).await?;
    Ok(log)
}

async fn fill(log: &EventLog, size: i64) -> anyhow::Result<()> {
    let missing = size - log.head().await?;
    let commands = usize::try_from(missing / i64::from(EVENTS))?.div_ceil(FILLERS);
    lap((0..FILLERS).map(|_| Filler::new(log)).collect(), commands).await?;
    Ok(())
}
