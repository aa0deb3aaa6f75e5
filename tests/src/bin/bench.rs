//! `make bench`: measures, prints a table, and writes `bench.json` under the target folder.

#[path = "../bench/mod.rs"]
mod bench;

use anyhow::bail;
use tokio::signal::unix::{SignalKind, signal};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let only = std::env::args().nth(1);
    let mut terminate = signal(SignalKind::terminate())?;
    // Whichever ends first: what was started ends with the future that is dropped.
    tokio::select! {
        outcome = bench::run(only.as_deref()) => outcome,
        _ = tokio::signal::ctrl_c() => bail!("interrupted"),
        _ = terminate.recv() => bail!("terminated"),
    }
}
