//! kill -9 of Postgres: it recovers from its write-ahead log, and the program goes on by itself.

use super::scene::{Mails, Scene, kill_server, often};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_or_doubled_when_postgres_is_killed() -> anyhow::Result<()> {
    let kills = often(2, 10);
    let mut scene = Scene::embedded("postgres_killed").await?;
    let pid_file = scene.program.data().join("postgres/postmaster.pid");
    let mut killed = 0;

    for _ in 0..kills {
        scene.pass(50, 500).await;
        killed = kill_server(&pid_file, killed).await?;
        scene.load.progress(1).await?;
    }

    scene.finish(format!("{kills} kills of Postgres"), Mails::AtLeastOnce).await
}
