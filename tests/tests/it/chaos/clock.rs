//! The clock is set back while the program is down: times in the log never go back, and nobody waits
//! for leases of the future.

use sqlx::{AssertSqlSafe, PgPool};
use tests::is_long;

use super::scene::{Mails, Scene, often};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_waits_or_goes_back_when_the_clock_is_set_back() -> anyhow::Result<()> {
    let times = often(1, 5);
    let mut scene = Scene::embedded("clock_set_back").await?;

    for hours in 1..=times {
        scene.pass(20, 300).await;
        scene.program.kill();
        scene.program.restart().await?;
        // To the program this is the same as a clock that was right then and is hours behind now.
        advance(&scene, hours).await?;
        scene.load.progress(if is_long() { 10 } else { 2 }).await?;
    }

    scene.finish(format!("{times} times the clock set back by hours"), Mails::AtLeastOnce).await
}

/// Moves everything that was written down as "until then" into the future.
async fn advance(scene: &Scene, hours: u32) -> anyhow::Result<()> {
    let pool = PgPool::connect(&scene.program.database_url()).await?;
    let by = format!("interval '{hours} hours'");
    for statement in [
        format!("update log.head set recorded_at = clock_timestamp() + {by}"),
        format!(
            "update log.lease set holder = gen_random_uuid(), held_until = clock_timestamp() + {by}"
        ),
    ] {
        sqlx::query(AssertSqlSafe(statement)).execute(&pool).await?;
    }
    pool.close().await;
    Ok(())
}
