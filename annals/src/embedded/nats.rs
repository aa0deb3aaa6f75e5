//! A private nats-server with `JetStream`, on a loopback port, behind a password made at each start.

use std::{
    fs::{self, OpenOptions},
    io::Write,
    net::{Ipv4Addr, TcpListener},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::Context;
use async_nats::{ConnectOptions, ServerAddr};
use rustix::process::Signal;
use tokio::{net::TcpStream, time::timeout};
use uuid::Uuid;

use super::{Site, folder::Folder, nursery::Child, server::Server};

/// Starts it; gives its address, credentials included. Both stay the same until we stop it.
pub(super) fn start(site: &Site) -> anyhow::Result<(Child, String)> {
    let store = site.folder.private("nats")?;
    let port = free_port()?;
    let password = format!("{}{}", Uuid::new_v4().simple(), Uuid::new_v4().simple());
    let url = format!("nats://annals:{password}@127.0.0.1:{port}");
    let settings = store.join("nats.conf");
    write_private(&settings, &configuration(&store, port, &password)?)?;
    write_private(&store.join("url"), &url)?;

    let mut command = site.leash.command(site.programs.nats()?);
    command.arg("-c").arg(&settings).current_dir(&store);
    let child = site.nursery.keep(Server {
        name: "nats-server",
        command,
        log: site.folder.log("nats-server"),
        pid_files: vec![pid_file(&store)],
        folder: store,
        end_signal: Signal::TERM,
        patience: Duration::from_secs(20),
        give_up_after: None,
    });
    Ok((child, url))
}

/// Waits until it answers, `JetStream` included.
pub(super) async fn wait_ready(url: &str, child: &Child) -> anyhow::Result<()> {
    child.life().wait_ready(|| async { answers(url).await.is_ok() }).await
}

/// The client of NATS complains loudly where nobody listens, hence the first line; and it does not look at
/// the credentials in a URL.
async fn answers(url: &str) -> anyhow::Result<()> {
    let server: ServerAddr = url.parse()?;
    drop(TcpStream::connect((server.host(), server.port())).await?);
    let (user, password) = server.username().zip(server.password()).context("no credentials")?;
    let options = ConnectOptions::with_user_and_password(user.to_owned(), password.to_owned());
    let client = timeout(Duration::from_secs(5), options.connect(server.clone())).await??;
    async_nats::jetstream::new(client).query_account().await?;
    Ok(())
}

/// The address that the running one was given.
pub(super) fn running_url(folder: &Folder) -> anyhow::Result<String> {
    let file = folder.path().join("nats").join("url");
    fs::read_to_string(&file).with_context(|| format!("reading {}", file.display()))
}

/// A port that is free now. Somebody may take it before the server does: then the server does not start,
/// and neither do we.
pub(super) fn free_port() -> anyhow::Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}

/// JSON is valid in its configuration language. What the broker holds can be made again from the log, so
/// it need not wait for the disk at every message.
fn configuration(store: &Path, port: u16, password: &str) -> anyhow::Result<String> {
    let text = |path: PathBuf| path.into_os_string().into_string().ok().context("not UTF-8");
    let settings = serde_json::json!({
        "server_name": "annals",
        "listen": format!("127.0.0.1:{port}"),
        "pid_file": text(pid_file(store))?,
        "authorization": { "user": "annals", "password": password },
        "jetstream": { "store_dir": text(store.to_owned())?, "sync_interval": "2m" },
        "max_payload": 8 * 1024 * 1024,
    });
    Ok(serde_json::to_string_pretty(&settings)?)
}

fn pid_file(store: &Path) -> PathBuf {
    store.join("nats-server.pid")
}

fn write_private(file: &Path, text: &str) -> anyhow::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600);
    let mut file = options.open(file).with_context(|| file.display().to_string())?;
    Ok(file.write_all(text.as_bytes())?)
}
