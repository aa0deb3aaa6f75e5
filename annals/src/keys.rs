//! `annals keys`: changing the master key, and the keys that access tokens are signed with.

use std::{
    io::Write,
    time::{Duration, Instant},
};

use chrono::{DateTime, SecondsFormat, Utc};
use commands::JWKS_WAIT;

use crate::{cli::Keys, config::Config, master_key, system::System};

/// How long to wait for NATS, over which running programs hear of the new key at once.
const NEWS: Duration = Duration::from_secs(2);

/// Does what was asked of the keys.
pub(crate) async fn perform(config: &Config, system: &System, what: Keys) -> anyhow::Result<()> {
    match what {
        Keys::RotateMaster => rotate_master(config, system).await,
        Keys::List => list(system),
        Keys::Rotate { wait, now } => {
            wait_for_news(system).await;
            if now {
                system.commands.replace_token_keys().await?;
            } else {
                system.commands.rotate_token_keys(wait.unwrap_or(JWKS_WAIT)).await?;
            }
            list(system)
        }
    }
}

/// Prints the keys of access tokens, the newest first.
fn list(system: &System) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    for key in system.commands.token_keys() {
        let state = match (key.is_signing, key.verifies_until) {
            (true, None) => "signs".to_owned(),
            (true, Some(_)) => "signs until the next one does".to_owned(),
            (false, None) => format!("signs from {}", second(key.signs_from)),
            (false, Some(until)) => format!("verifies until {}", second(until)),
        };
        writeln!(out, "{}  published {}  {state}", key.kid, second(key.published_at))?;
    }
    Ok(())
}

fn second(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// Running programs hear of new keys over NATS at once.
async fn wait_for_news(system: &System) {
    let began = Instant::now();
    while !system.broker.is_connected() && began.elapsed() < NEWS {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Wraps every stored key with a new master key, beside the running program or alone. It may be
/// interrupted and begun again.
async fn rotate_master(config: &Config, system: &System) -> anyhow::Result<()> {
    wait_for_news(system).await;
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
