//! How many single-event commands a second are durable, beside raw inserts into the same cluster.

use std::time::Duration;

use commands::{Clock, Commands, Policy};
use eventlog::{EventLog, Live, MasterKey};

use super::{
    bulk::Filler,
    cluster::Cluster,
    crew::{lap, rate},
    raw::Raw,
    report::{Row, Target, median},
    sessions::Keeper,
    settings::Changer,
};

const DATABASE: &str = "append";
/// Concurrent callers, and what appends alone are to reach there, against raw inserts.
const CALLERS: [(usize, f64); 3] = [(1, 0.6), (16, 1.5), (64, 2.0)];
/// Concurrent callers of commands of a hundred events, and what they are to reach.
const BULK_CALLERS: usize = 4;
const BULK_TARGET: f64 = 0.7;
/// People whose settings change.
const PEOPLE: usize = 8192;
/// Who prepares them: more callers than there are connections.
const PREPARING: usize = 64;
/// The machine is noisy: short rounds of each in turn, and the medians of them.
const ROUNDS: usize = 3;
const ROUND: Duration = Duration::from_secs(4);
/// Who comes first finds caches and plans cold.
const WARM_UP: Duration = Duration::from_secs(2);

/// Measures at each number of callers.
pub async fn run(cluster: &Cluster) -> anyhow::Result<Vec<Row>> {
    let pool = cluster.database(DATABASE).await?;
    let master = MasterKey::generate()?;
    let log = EventLog::open(pool.clone(), &master, Live::default()).await?;
    let commands = open_commands(&log, &master).await?;
    changers(&commands, 16).await?;
    rate(&mut keepers(&log, 16), WARM_UP).await?;
    let raw = Raw::create(cluster, DATABASE, &pool).await?;
    raw.rate(16, WARM_UP).await?;
    let mut rows = Vec::new();
    for (callers, target) in CALLERS {
        rows.extend(compare(&commands, &raw, callers, target).await?);
    }
    rows.push(hundreds(&log, &raw).await?);
    Ok(rows)
}

async fn compare(
    commands: &Commands,
    raw: &Raw,
    callers: usize,
    target: f64,
) -> anyhow::Result<[Row; 2]> {
    let mut changers = changers(commands, callers).await?;
    let mut keepers = keepers(commands.log(), callers);
    let (mut inserts, mut appends, mut done) = (vec![], vec![], vec![]);
    for _ in 0..ROUNDS {
        inserts.push(raw.rate(callers, ROUND).await?);
        appends.push(rate(&mut keepers, ROUND).await?);
        done.push(rate(&mut changers, ROUND).await?);
    }
    let reference = median(inserts);
    let row = |name: &str, rates| {
        Row::new(format!("{name}_{callers}"), median(rates), "commands/s").against(reference)
    };
    let appends = row("append_log", appends).target(Target::AtLeast(target));
    Ok([row("append", done), appends])
}

/// Commands of a hundred events beside inserts of a hundred rows.
async fn hundreds(log: &EventLog, raw: &Raw) -> anyhow::Result<Row> {
    let mut fillers: Vec<_> = (0..BULK_CALLERS).map(|_| Filler::new(log)).collect();
    let (mut inserts, mut appends) = (vec![], vec![]);
    for _ in 0..ROUNDS {
        inserts.push(raw.bulk_rate(BULK_CALLERS, ROUND).await?);
        appends.push(rate(&mut fillers, ROUND).await?);
    }
    let row = Row::new("append_log_100_events", median(appends), "commands/s");
    Ok(row.against(median(inserts)).target(Target::AtLeast(BULK_TARGET)))
}

/// Callers whose people have settings already: a first event also makes its person's key.
async fn changers(commands: &Commands, callers: usize) -> anyhow::Result<Vec<Changer>> {
    let crew: Vec<_> = (0..PREPARING).map(|_| Changer::new(commands, PEOPLE / PREPARING)).collect();
    Ok(Changer::deal(commands, lap(crew, PEOPLE / PREPARING).await?, callers))
}

/// Callers who keep sessions.
pub fn keepers(log: &EventLog, callers: usize) -> Vec<Keeper> {
    (0..callers).map(|_| Keeper::new(log)).collect()
}

/// The write side of a log.
pub async fn open_commands(log: &EventLog, master: &MasterKey) -> anyhow::Result<Commands> {
    let policy = Policy {
        public_url: "http://localhost".to_owned(),
        password_minimum: 8,
        breach_url: None,
        hides_addresses: false,
        rates: commands::Rates::default(),
        providers: vec![],
        sessions: commands::SessionLimits::default(),
        idempotency_lifetime: Duration::from_hours(24),
    };
    Commands::open(log.clone(), master, Clock::System, policy, None).await
}
