//! Looking into the log and after the read models from the command line.

use std::{io::Write, time::Duration};

use anyhow::{Context, bail};
use eventlog::{EventLog, RawEvent, TypeUse};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// How often `log tail` looks for more.
const POLL: Duration = Duration::from_millis(200);

/// Prints events as they are recorded, sealed as they are stored.
pub(crate) async fn tail(log: &EventLog, shutdown: &CancellationToken) -> anyhow::Result<()> {
    let mut after = (log.head().await? - 10).max(0);
    while !shutdown.is_cancelled() {
        let events = log.read(after).await?;
        after = events.last().map_or(after, |event| event.position);
        print(&events)?;
        if events.is_empty() {
            tokio::select! {
                () = shutdown.cancelled() => {}
                () = tokio::time::sleep(POLL) => {}
            }
        }
    }
    Ok(())
}

/// Prints the events of one stream, sealed as they are stored.
pub(crate) async fn show(log: &EventLog, stream: Uuid) -> anyhow::Result<()> {
    let events = log.stream(stream).await?;
    if events.is_empty() {
        bail!("there is no stream {stream}");
    }
    print(&events)
}

/// Prints every event type that the log holds.
pub(crate) async fn types(log: &EventLog) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(
        out,
        "{:<32} {:>7} {:>12} {:>12} {:>12}  readable",
        "type", "version", "events", "first", "last"
    )?;
    for used in log.types().await? {
        let readable = if used.is_readable() { "yes" } else { "no" };
        let TypeUse { name, schema_version, events, first, last } = used;
        writeln!(
            out,
            "{name:<32} {schema_version:>7} {events:>12} {first:>12} {last:>12}  {readable}",
        )?;
    }
    Ok(())
}

fn print(events: &[RawEvent]) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    for event in events {
        writeln!(
            out,
            "{:>8}  {}  {} v{}  {}",
            event.position,
            event.recorded_at.format("%Y-%m-%d %H:%M:%S%.3f"),
            event.stream,
            event.version,
            String::from_utf8_lossy(&event.payload),
        )
        .context("printing")?;
    }
    Ok(())
}
