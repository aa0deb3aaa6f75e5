//! A process that falls asleep for longer than its leases while another one takes over, and wakes up.

use std::time::Duration;

use sqlx::PgPool;
use tests::is_long;

use super::scene::{Mails, Scene, often, until};
use crate::log::nats::Nats;

/// Longer than every lease.
const NAP: Duration = Duration::from_secs(35);
/// How soon the other process leads.
const TAKE_OVER: Duration = Duration::from_secs(45);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_or_doubled_when_a_leader_sleeps_past_its_leases() -> anyhow::Result<()> {
    let naps = often(1, 4);
    let mut scene = Scene::beside("leader_asleep", Nats::start()?).await?;
    let other = scene.program.twin()?.start().await?;
    scene.load_also(&other)?;
    scene.others_progress(1).await?;

    for nap in 0..naps {
        let sleeper = if nap % 2 == 0 { &scene.program } else { &other };
        let url = scene.program.database_url();
        sleeper.signal("STOP")?;
        let taken_over = take_over(&url).await;
        sleeper.signal("CONT")?;
        taken_over?;
        scene.load.progress(1).await?;
        scene.others_progress(1).await?;
    }

    scene.finish(format!("{naps} naps longer than leases"), Mails::AtLeastOnce).await
}

/// Waits until the other process leads everything.
async fn take_over(url: &str) -> anyhow::Result<()> {
    let pool = PgPool::connect(url).await?;
    let holders = "select name || fence from log.lease where name in ('relay', 'projections')";
    let before: Vec<String> = sqlx::query_scalar(holders).fetch_all(&pool).await?;
    if is_long() {
        tokio::time::sleep(NAP).await;
    } else {
        // As if that time had passed.
        sqlx::query("update log.lease set held_until = clock_timestamp()").execute(&pool).await?;
    }
    let fences = || async {
        let now: Vec<String> = sqlx::query_scalar(holders).fetch_all(&pool).await?;
        Ok(now.iter().all(|fence| !before.contains(fence)))
    };
    let outcome = until("another leader", TAKE_OVER, fences).await;
    pool.close().await;
    outcome
}
