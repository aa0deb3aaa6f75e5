//! Writers of a torture in a process of their own, which the test may kill at any moment.
//!
//! `torture-writer URL MASTER_KEY FOLDER SEED PROCESS GENERATION WRITERS MILLISECONDS`

use std::{
    path::PathBuf,
    time::{Duration, Instant},
};

use anyhow::Context;
use eventlog::{EventLog, Live, MasterKey};
use sqlx::postgres::PgPoolOptions;
use tests::{
    Dice,
    torture::{Writer, shared_streams},
};
use tokio::task::JoinSet;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let began = Instant::now();
    let mut arguments = std::env::args().skip(1);
    let mut next = |what: &'static str| arguments.next().context(what);
    let pool = PgPoolOptions::new().max_connections(8).connect(&next("URL")?).await?;
    let master = MasterKey::from_base64(&next("MASTER_KEY")?)?;
    let folder = PathBuf::from(next("FOLDER")?);
    let seed: u64 = next("SEED")?.parse()?;
    let process: u64 = next("PROCESS")?.parse()?;
    let generation: u64 = next("GENERATION")?.parse()?;
    let writers: u64 = next("WRITERS")?.parse()?;
    let end = began + Duration::from_millis(next("MILLISECONDS")?.parse()?);
    let log = EventLog::open(pool, &master, Live::default()).await?;
    let mut crew = JoinSet::new();
    for number in 0..writers {
        let dice = Dice::of(seed, generation << 32 | process << 16 | number);
        let journal = folder.join(format!("{process}-{number}"));
        let logs = [log.clone(), log.clone()];
        crew.spawn(Writer::open(logs, shared_streams(seed), dice, &journal)?.write_until(end));
    }
    while let Some(written) = crew.join_next().await {
        written??;
    }
    Ok(())
}
