//! How soon after its commit an event is in every read model, and with the broker's consumers.

use std::time::Duration;

use anyhow::ensure;
use commands::Commands;
use eventlog::{Broker, EventLog, Live, MasterKey, Position};
use projections::Queries;
use tokio::{
    task::JoinSet,
    time::{Instant, MissedTickBehavior, interval_at},
};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;
use workers::Relay;

use super::{
    append::open_commands,
    cluster::Cluster,
    crew::Member,
    nats::Nats,
    report::{Row, Target, quantile},
    settings::Changer,
    sightings::{self, Sightings},
};

/// Callers, and how often each of them does something: together 1,000 times a second.
const CALLERS: u32 = 40;
const PERIOD: Duration = Duration::from_millis(40);
/// People each acts for in turn.
const PEOPLE: usize = 25;
const WARM_UP: Duration = Duration::from_secs(2);
/// Milliseconds that half of the events and nearly all may take at most.
const TARGETS: [Option<f64>; 2] = [Some(5.0), Some(25.0)];
const TIME: Duration = Duration::from_secs(12);
/// How long the last event may be on its way.
const PATIENCE: Duration = Duration::from_secs(10);

/// Measures all of the way: log, relay, broker, projections.
pub async fn run(cluster: &Cluster) -> anyhow::Result<Vec<Row>> {
    let nats = Nats::start().await?;
    let broker = Broker::connect(&nats.url()).await?;
    let master = MasterKey::generate()?;
    let live = Live::join(broker.client().clone());
    let log = EventLog::open(cluster.database("lag").await?, &master, live).await?;
    let commands = open_commands(&log, &master).await?;
    let stop = CancellationToken::new();
    let _stopped = stop.clone().drop_guard();
    let mut roles = JoinSet::new();
    roles.spawn(Relay::new(log.clone(), broker.clone(), Uuid::now_v7()).run(stop.clone()));
    roles.spawn({
        let running = projections::run(log.clone(), broker.clone(), stop.clone());
        async move { running.await.unwrap_or_else(|error| eprintln!("projections: {error:#}")) }
    });
    await_visible(&log, Changer::new(&commands, 1).act().await?).await?;

    let projected = tokio::spawn(sightings::of_projections(log.clone(), stop.clone()));
    let received = tokio::spawn(sightings::of_broker(broker, stop.clone()));
    let committed = load(&commands).await?;
    let last = committed.iter().map(|(position, _)| *position).max().unwrap_or(0);
    await_visible(&log, last).await?;
    stop.cancel();
    while roles.join_next().await.is_some() {}
    let mut rows = rows("lag_projection", &committed, &projected.await?, TARGETS)?;
    rows.extend(self::rows("lag_broker", &committed, &received.await??, TARGETS)?);
    Ok(rows)
}

/// Commits at a steady rate; what was committed, and when that was acknowledged.
async fn load(commands: &Commands) -> anyhow::Result<Sightings> {
    let began = Instant::now();
    let mut callers = JoinSet::new();
    for number in 0..CALLERS {
        let mut caller = Changer::new(commands, PEOPLE);
        let mut ticks = interval_at(began + PERIOD * number / CALLERS, PERIOD);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
        callers.spawn(async move {
            let mut committed = Sightings::new();
            while began.elapsed() < WARM_UP + TIME {
                ticks.tick().await;
                let position = caller.act().await?;
                if began.elapsed() > WARM_UP {
                    committed.push((position, Instant::now()));
                }
            }
            anyhow::Ok(committed)
        });
    }
    let mut committed = Sightings::new();
    while let Some(ended) = callers.join_next().await {
        committed.extend(ended??);
    }
    let expected = TIME.as_millis() / PERIOD.as_millis() * u128::from(CALLERS);
    let is_steady = committed.len() as u128 * 10 >= expected * 9;
    ensure!(is_steady, "only {} of {expected} commands could be done", committed.len());
    Ok(committed)
}

async fn await_visible(log: &EventLog, position: Position) -> anyhow::Result<()> {
    let is_visible = Queries::new(log.clone()).wait_for(position, PATIENCE).await?;
    ensure!(is_visible, "position {position} is not in the read models after {PATIENCE:?}");
    Ok(())
}

fn rows(
    name: &str,
    committed: &Sightings,
    seen: &Sightings,
    targets: [Option<f64>; 2],
) -> anyhow::Result<Vec<Row>> {
    let lags = sightings::lags(committed, seen);
    ensure!(lags.len() == committed.len(), "{} of {} were seen", lags.len(), committed.len());
    let parts = [("p50", 0.5), ("p99", 0.99)].into_iter().zip(targets);
    let row = |((label, part), target): ((&str, f64), Option<f64>)| {
        let row = Row::new(format!("{name}_{label}"), quantile(lags.clone(), part), "ms");
        target.map_or(row.clone(), |most| row.target(Target::AtMost(most)))
    };
    Ok(parts.map(row).collect())
}
