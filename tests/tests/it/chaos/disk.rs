//! No room left for NATS: people work on, and the copy is complete once there is room again.

use std::{
    fs::{self, File, Permissions},
    os::unix::fs::PermissionsExt,
    path::PathBuf,
    time::Duration,
};

use anyhow::Context;
use eventlog::{Broker, Position};
use sqlx::PgPool;
use tests::{Setup, scratch};

use super::scene::{Mails, Scene, often, until};
use crate::log::nats::{self, Nats};

/// Bytes of its disk: enough to start on.
const DISK: u64 = 8 << 20;
/// Events that the copy may lack while all is well.
const FEW: Position = 40;
/// How soon the disk is noticed to be full, and to have room again.
const NOTICED: Duration = Duration::from_mins(2);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_or_doubled_when_the_disk_of_nats_is_full() -> anyhow::Result<()> {
    let times = often(1, 4);
    let mut scene = Scene::beside("nats_disk_full", Nats::start_on_disk_of(DISK)?).await?;
    let broker = Broker::connect(&scene.program.nats_url()?).await?;
    let pool = PgPool::connect(&scene.program.database_url()).await?;

    for _ in 0..times {
        server(&scene)?.fill_disk()?;
        until("a copy that is behind", NOTICED, || async {
            Ok(behind(&broker, &pool).await? > FEW)
        })
        .await?;
        scene.load.progress(1).await?;
        server(&scene)?.empty_disk()?;
        // A server that could not write takes nothing more for this stream until it is restarted.
        server(&scene)?.kill_on_disk()?;
        until("a copy that goes on", NOTICED, || async { Ok(behind(&broker, &pool).await? < FEW) })
            .await?;
        scene.load.progress(1).await?;
    }

    pool.close().await;
    scene.finish(format!("{times} times the disk of NATS full"), Mails::Once).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "the program waits before it starts its NATS anew: make chaos"]
async fn the_program_starts_its_own_nats_anew_whose_disk_was_full() -> anyhow::Result<()> {
    let script = Script::new()?;
    let setup = Setup::default().embedded().with("ANNALS_NATS_BIN", script.path()?);
    let mut scene = Scene::set("private_nats_disk_full", setup, None).await?;
    let full = scene.program.data().join("nats/full");
    let broker = Broker::connect(&scene.program.nats_url()?).await?;
    let pool = PgPool::connect(&scene.program.database_url()).await?;

    File::create(&full)?;
    until("a copy that is behind", NOTICED, || async { Ok(behind(&broker, &pool).await? > FEW) })
        .await?;
    fs::remove_file(&full)?;
    until("a copy that goes on", NOTICED, || async { Ok(behind(&broker, &pool).await? < FEW) })
        .await?;
    scene.load.progress(2).await?;

    pool.close().await;
    scene.finish("the disk of the private NATS full", Mails::Once).await
}

/// A nats-server that stores on a small disk, which is full while a file says so.
struct Script(PathBuf);

impl Script {
    fn new() -> anyhow::Result<Self> {
        let script = scratch()?;
        let [bwrap, server] =
            [nats::bwrap(), nats::binary()].map(|path| path.display().to_string());
        let text = format!(
            r#"#!/bin/sh
mkdir -p jetstream
exec {bwrap} --dev-bind / / --size {DISK} --tmpfs "$PWD/jetstream" --die-with-parent -- sh -c '
    while sleep 0.05 && kill -0 $$; do
        if [ -e full ]; then cat /dev/zero >> jetstream/filler; else rm -f jetstream/filler; fi
    done 2>/dev/null &
    exec {server} "$@"' sh "$@"
"#
        );
        let file = script.join("nats-server");
        fs::write(&file, text)?;
        fs::set_permissions(&file, Permissions::from_mode(0o755))?;
        Ok(Self(script))
    }

    fn path(&self) -> anyhow::Result<String> {
        Ok(self.0.join("nats-server").to_str().context("a path in UTF-8")?.to_owned())
    }
}

impl Drop for Script {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn server(scene: &Scene) -> anyhow::Result<&Nats> {
    scene.nats.as_ref().context("NATS")
}

/// How many events the copy lacks; all of them where nobody can say.
async fn behind(broker: &Broker, pool: &PgPool) -> anyhow::Result<Position> {
    let (head, epoch) =
        sqlx::query_as("select position, epoch from log.head").fetch_one(pool).await?;
    Ok(broker.last_position(head, epoch).await.map_or(head, |last| head - last))
}
