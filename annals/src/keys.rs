//! `annals keys`: changing the master key.

use std::time::{Duration, Instant};

use crate::{config::Config, master_key, system::System};

/// How long to wait for NATS, over which running programs hear of the new key at once.
const NEWS: Duration = Duration::from_secs(2);

/// Wraps every stored key with a new master key, beside the running program or alone. It may be
/// interrupted and begun again.
pub(crate) async fn rotate_master(config: &Config, system: &System) -> anyhow::Result<()> {
    let began = Instant::now();
    while !system.broker.is_connected() && began.elapsed() < NEWS {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let mut said = 0;
    let rotation = system
        .log
        .rotate_master(|done| {
            if done - said >= 10_000 {
                said = done;
                eprintln!("{done} keys wrapped anew");
            }
        })
        .await?;
    master_key::replace(config, rotation.is_finished)?;
    println!("{}", serde_json::to_string_pretty(&rotation)?);
    if !rotation.is_finished {
        eprintln!(
            "{} connections are of programs that were started with the old key. They go on, but \
            restart them with the new one and run this command again: until then the new key \
            stands in the database, wrapped by the old one.",
            rotation.behind,
        );
    }
    Ok(())
}
