//! kill -9 of NATS, and the loss of all that it stored.

use super::scene::{Mails, Scene, kill_server, often};
use crate::log::nats::Nats;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_or_doubled_when_nats_is_killed() -> anyhow::Result<()> {
    let kills = often(3, 20);
    let mut scene = Scene::beside("nats_killed", Nats::start()?).await?;

    for _ in 0..kills {
        scene.pass(20, 400).await;
        let Some(nats) = &mut scene.nats else { break };
        nats.kill();
        // Without NATS people work on.
        scene.load.progress(1).await?;
        if let Some(nats) = &mut scene.nats {
            nats.restart()?;
        }
    }

    scene.finish(format!("{kills} kills of NATS"), Mails::Once).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nats_that_the_program_runs_itself_comes_back_after_a_kill() -> anyhow::Result<()> {
    let kills = often(1, 6);
    let mut scene = Scene::embedded("private_nats_killed").await?;
    let pid_file = scene.program.data().join("nats/nats-server.pid");
    let mut killed = 0;

    for _ in 0..kills {
        scene.pass(50, 400).await;
        killed = kill_server(&pid_file, killed).await?;
        scene.load.progress(1).await?;
    }

    scene.finish(format!("{kills} kills of the private NATS"), Mails::Once).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_or_doubled_when_nats_loses_its_data() -> anyhow::Result<()> {
    let losses = often(1, 6);
    let mut scene = Scene::beside("nats_wiped", Nats::start()?).await?;

    for _ in 0..losses {
        scene.pass(50, 500).await;
        if let Some(nats) = &mut scene.nats {
            nats.wipe()?;
        }
        scene.load.progress(1).await?;
        if let Some(nats) = &mut scene.nats {
            nats.restart()?;
        }
        scene.load.progress(1).await?;
    }

    scene.finish(format!("{losses} times all NATS data lost"), Mails::Once).await
}
