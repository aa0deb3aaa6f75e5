//! The parts of the bench, all measured on one cluster in one run.

mod append;
mod chat;
mod cluster;
mod crew;
mod lag;
mod nats;
mod place;
mod raw;
mod report;
mod server;
mod sessions;
mod settings;
mod sightings;

use anyhow::{Context, bail};

use cluster::Cluster;

/// What can be measured alone with `make bench ONLY=..`.
const PARTS: [&str; 3] = ["append", "lag", "chat"];

/// Measures everything, or one part of it.
pub async fn run(only: Option<&str>) -> anyhow::Result<()> {
    if let Some(part) = only
        && !PARTS.contains(&part)
    {
        bail!("there is no part {part}; there are {}", PARTS.join(", "));
    }
    let cluster = Cluster::start().await?;
    let mut rows = Vec::new();
    for part in PARTS.into_iter().filter(|part| only.is_none_or(|only| only == *part)) {
        eprintln!("measuring {part} ...");
        let measured = match part {
            "append" => append::run(&cluster).await,
            "lag" => lag::run(&cluster).await,
            _ => chat::run(&cluster).await,
        };
        rows.extend(measured.with_context(|| format!("measuring {part}"))?);
    }
    report::print(&rows);
    report::write(&rows)
}
