//! The parts of the bench, all measured on one cluster in one run.

mod append;
mod auth;
mod bulk;
mod chat;
mod cluster;
mod crew;
mod growth;
mod lag;
mod load;
mod nats;
mod place;
mod raw;
mod read;
mod rebuild;
mod report;
mod server;
mod sessions;
mod settings;
mod sightings;
mod snapshot;

use anyhow::{Context, bail};

use cluster::Cluster;

/// What can be measured alone with `make bench ONLY=..`.
const PARTS: [&str; 7] = ["append", "read", "rebuild", "snapshot", "lag", "chat", "auth"];
/// What takes so long that it is only measured when it is asked for.
const LONG_PARTS: [&str; 1] = ["growth"];

/// Measures everything, or one part of it.
pub async fn run(only: Option<&str>) -> anyhow::Result<()> {
    let parts = match only {
        None => PARTS.to_vec(),
        Some(part) if PARTS.contains(&part) || LONG_PARTS.contains(&part) => vec![part],
        Some(part) => {
            bail!("there is no part {part}; there are {PARTS:?} and, on demand, {LONG_PARTS:?}")
        }
    };
    let cluster = Cluster::start().await?;
    let mut rows = Vec::new();
    for part in parts {
        eprintln!("measuring {part} ...");
        let measured = match part {
            "append" => append::run(&cluster).await,
            "read" => read::run(&cluster).await,
            "rebuild" => rebuild::run(&cluster).await,
            "snapshot" => snapshot::run(&cluster).await,
            "lag" => lag::run(&cluster).await,
            "auth" => auth::run(&cluster).await,
            "growth" => growth::run(&cluster).await,
            _ => chat::run(&cluster).await,
        };
        rows.extend(measured.with_context(|| format!("measuring {part}"))?);
    }
    report::print(&rows);
    report::write(&rows)
}
