//! A small real model on loopback, so that a first chat is answered without anybody's key.

use std::{thread, time::Duration};

use anyhow::ensure;
use rustix::process::Signal;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};
use tracing::{info, warn};

use super::{
    Site, nats,
    nursery::{Child, Life},
    server::Server,
};
use crate::config::Programs;

const SCRIPT: &str = include_str!("model_server.py");

/// Starts it without waiting for it to load; gives its base URL.
pub(super) async fn start(site: &Site) -> anyhow::Result<(Child, String)> {
    let packages = Programs::model()?;
    let python = &site.programs.python;
    let version = site
        .leash
        .command(python)
        .args(["-c", "import sys; sys.exit(sys.version_info < (3, 10))"])
        .output()
        .await;
    let recent = version.is_ok_and(|output| output.status.success());
    ensure!(recent, "{} is no Python 3.10 or newer (ANNALS_PYTHON)", python.display());

    let port = nats::free_port()?;
    let threads = thread::available_parallelism().map_or(1, |cores| cores.get().div_ceil(2).min(2));
    let folder = site.folder.private("model")?;
    let mut command = site.leash.command(python);
    command.args(["-c", SCRIPT]).arg(packages).args([port.to_string(), threads.to_string()]);
    command.current_dir(&folder);
    let child = site.nursery.keep(Server {
        name: "annals-model",
        command,
        log: site.folder.log("annals-model"),
        pid_files: Vec::new(),
        folder,
        end_signal: Signal::TERM,
        patience: Duration::from_secs(5),
        give_up_after: Some(3),
    });
    Ok((child, format!("http://127.0.0.1:{port}/v1")))
}

/// Waits until it is loaded and says so.
pub(super) async fn announce(life: Life, url: String) {
    let address = url.trim_start_matches("http://").trim_end_matches("/v1");
    let loaded = life.wait_ready(|| async { is_loaded(address).await.unwrap_or(false) }).await;
    match loaded {
        Ok(()) => info!(url, "local model is ready"),
        Err(error) => warn!("no local model: {error:#}"),
    }
}

/// Asks it over HTTP, by hand: this crate has no other use for a client.
async fn is_loaded(address: &str) -> anyhow::Result<bool> {
    let mut connection = TcpStream::connect(address).await?;
    connection.write_all(b"GET /health HTTP/1.0\r\n\r\n").await?;
    let mut answer = [0; 12];
    timeout(Duration::from_secs(5), connection.read_exact(&mut answer)).await??;
    Ok(answer.ends_with(b" 200"))
}
