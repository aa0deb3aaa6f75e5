//! A rebuild that is killed: the live tables stay as they are, and the next one ends as it should.

use std::time::{Duration, Instant};

use anyhow::ensure;
use projections::Projection;
use sqlx::PgPool;
use tests::Guarded;

use super::scene::{Mails, Scene, often};
use crate::log::nats::Nats;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_live_tables_are_right_whenever_a_rebuild_is_killed() -> anyhow::Result<()> {
    let kills = often(4, 40);
    let mut scene = Scene::beside("rebuild_killed", Nats::start()?).await?;
    let pool = PgPool::connect(&scene.program.database_url()).await?;
    let length = whole_rebuild(&scene)?;
    let before = people(&pool).await?;

    for number in 0..kills {
        let projection = *scene.dice.pick(&Projection::ALL);
        let rebuild =
            Guarded(scene.program.begin(&["projections", "rebuild", projection.name()])?);
        tokio::time::sleep(scene.dice.between(length / 4, length)).await;
        drop(rebuild);
        if number % 2 == 0 {
            scene.load.progress(1).await?;
        }
        let now = people(&pool).await?;
        ensure!(now >= before, "{before} people were shown, and now {now}");
    }

    pool.close().await;
    scene.finish(format!("{kills} kills of rebuilds"), Mails::Once).await
}

/// How long one takes that nobody kills.
fn whole_rebuild(scene: &Scene) -> anyhow::Result<Duration> {
    let began = Instant::now();
    let rebuilt = scene.program.run(&["projections", "rebuild", "users"])?;
    ensure!(rebuilt.status.success(), "{}", String::from_utf8_lossy(&rebuilt.stderr));
    Ok(began.elapsed())
}

/// How many people the live table shows.
async fn people(pool: &PgPool) -> anyhow::Result<i64> {
    Ok(sqlx::query_scalar("select count(*) from user_view").fetch_one(pool).await?)
}
