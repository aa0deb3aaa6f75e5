//! No room left for NATS: people work on, and the copy is complete once there is room again.

use std::time::Duration;

use anyhow::Context;
use eventlog::{Broker, Position};
use sqlx::PgPool;

use super::scene::{Mails, Scene, often, until};
use crate::log::nats::Nats;

/// Bytes of its disk: enough to start on.
const DISK: u64 = 8 << 20;
/// Events that the copy may lack while all is well.
const FEW: Position = 40;
/// How soon the disk is noticed to be full, and to have room again.
const NOTICED: Duration = Duration::from_mins(1);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_or_doubled_when_the_disk_of_nats_is_full() -> anyhow::Result<()> {
    let times = often(1, 4);
    let server = match Nats::start_on_disk_of(DISK) {
        Ok(server) => server,
        Err(error) => {
            eprintln!("this machine lets nobody mount a small disk: {error:#}");
            return Ok(());
        }
    };
    let mut scene = Scene::beside("nats_disk_full", server).await?;
    let broker = Broker::connect(&scene.program.nats_url()?).await?;
    let pool = PgPool::connect(&scene.program.database_url()).await?;

    for _ in 0..times {
        nats(&scene)?.fill_disk()?;
        until("a copy that is behind", NOTICED, || async {
            Ok(behind(&broker, &pool).await? > FEW)
        })
        .await?;
        scene.load.progress(1).await?;
        nats(&scene)?.empty_disk()?;
        // A server that could not write takes nothing more for this stream until it is restarted.
        nats(&scene)?.kill_on_disk()?;
        until("a copy that goes on", NOTICED, || async { Ok(behind(&broker, &pool).await? < FEW) })
            .await?;
        scene.load.progress(1).await?;
    }

    pool.close().await;
    scene.finish(format!("{times} times the disk of NATS full"), Mails::Once).await
}

fn nats(scene: &Scene) -> anyhow::Result<&Nats> {
    scene.nats.as_ref().context("NATS")
}

/// How many events the copy lacks; all of them where nobody can say.
async fn behind(broker: &Broker, pool: &PgPool) -> anyhow::Result<Position> {
    let head = sqlx::query_scalar("select position from log.head").fetch_one(pool).await?;
    Ok(broker.last_position(head).await.map_or(head, |last| head - last))
}
