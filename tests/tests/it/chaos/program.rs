//! kill -9 of the program, which takes its private Postgres and NATS along.

use super::scene::{Mails, Scene, often};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_or_doubled_when_the_program_is_killed_again_and_again()
-> anyhow::Result<()> {
    let kills = often(3, 20);
    let mut scene = Scene::embedded("program_killed").await?;

    for _ in 0..kills {
        scene.pass(50, 700).await;
        scene.program.kill();
        scene.program.restart().await?;
        scene.load.progress(1).await?;
    }

    scene.finish(format!("{kills} kills of program, Postgres and NATS"), Mails::AtLeastOnce).await
}
