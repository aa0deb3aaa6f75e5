//! When a position was seen at a place on its way.

use std::collections::HashMap;

use anyhow::Context;
use eventlog::{Broker, EventLog, Position};
use futures_util::StreamExt;
use projections::Projection;
use serde::Deserialize;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// Where the runners of projections tell how far they have come.
const TOPIC: &str = "projections";
const ACKNOWLEDGE_EVERY: usize = 256;

/// Positions, and when each was seen.
pub type Sightings = Vec<(Position, Instant)>;

#[derive(Deserialize)]
struct News {
    names: Vec<String>,
    checkpoint: Position,
}

/// When the slowest of the projections had come how far, until told to stop.
pub async fn of_projections(log: EventLog, stop: CancellationToken) -> Sightings {
    let mut news = log.live().subscribe(TOPIC);
    let mut checkpoints: HashMap<String, Position> = HashMap::new();
    let mut seen = Sightings::new();
    while let Some(message) = stop.run_until_cancelled(news.recv()).await {
        let at = Instant::now();
        let Ok(Ok(news)) = message.map(|message| serde_json::from_slice::<News>(&message)) else {
            continue;
        };
        checkpoints.extend(news.names.into_iter().map(|name| (name, news.checkpoint)));
        let slowest = checkpoints.values().min().copied().unwrap_or(0);
        let is_further = seen.last().is_none_or(|(position, _)| *position < slowest);
        if checkpoints.len() == Projection::ALL.len() && is_further {
            seen.push((slowest, at));
        }
    }
    seen
}

/// When a consumer of the broker had received what, until told to stop.
pub async fn of_broker(broker: Broker, stop: CancellationToken) -> anyhow::Result<Sightings> {
    let mut messages = broker.consume("bench", 0, &[]).await?;
    let mut seen = Sightings::new();
    while let Some(message) = stop.run_until_cancelled(messages.next()).await {
        let message = message.context("the subscription has ended")??;
        let at = Instant::now();
        let info = message.info().map_err(|error| anyhow::anyhow!("{error}"))?;
        seen.push((Position::try_from(info.stream_sequence)?, at));
        if seen.len().is_multiple_of(ACKNOWLEDGE_EVERY) {
            message.ack().await.map_err(|error| anyhow::anyhow!("{error}"))?;
        }
    }
    Ok(seen)
}

/// Milliseconds from each commit to the first sighting of it or of what follows it.
pub fn lags(committed: &Sightings, seen: &Sightings) -> Vec<f64> {
    let lag = |(position, committed): &(Position, Instant)| {
        let first = seen.partition_point(|(far, _)| far < position);
        // It may be seen before its caller gets to hear of it.
        let lag = seen.get(first)?.1.saturating_duration_since(*committed);
        Some(lag.as_secs_f64() * 1000.0)
    };
    committed.iter().filter_map(lag).collect()
}
