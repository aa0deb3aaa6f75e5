//! A private Postgres: one cluster in the data folder, on a socket that only its owner reaches.

use std::{fs, path::Path, time::Duration};

use anyhow::{Context, ensure};
use rustix::process::Signal;
use sqlx::{Connection, PgConnection};
use tokio::time::timeout;
use url::Url;

use super::{Site, folder::Folder, nursery::Child, server::Server};

/// Given at every start, so that an upgrade of the program upgrades them. The log depends on the first
/// three: what was acknowledged survives a power cut.
const SETTINGS: [&str; 13] = [
    "fsync=on",
    "synchronous_commit=on",
    "full_page_writes=on",
    "listen_addresses=",
    "unix_socket_permissions=0700",
    "max_connections=100",
    "shared_buffers=256MB",
    "max_wal_size=2GB",
    "wal_compression=on",
    "jit=off",
    "log_checkpoints=off",
    // Errors without the data they are about: what people store is no business of a log.
    "log_error_verbosity=terse",
    "log_min_error_statement=panic",
];

/// Makes the cluster if there is none and starts it; gives the address of the database `annals`.
pub(super) async fn start(site: &Site) -> anyhow::Result<(Child, String)> {
    let bin = site.programs.postgres()?;
    let data = site.folder.path().join("postgres");
    let sockets = site.folder.sockets()?;
    if !data.exists() {
        make_cluster(site, &bin, &data).await.context("making the database cluster")?;
    }
    let mut command = site.leash.unroot_command(&bin.join("postgres")).await?;
    command.arg("-D").arg(&data).arg("-k").arg(&sockets);
    command.args(SETTINGS.iter().flat_map(|setting| ["-c", setting])).current_dir(&data);
    let child = site.nursery.keep(Server {
        name: "postgres",
        command,
        log: site.folder.log("postgres"),
        pid_files: vec![data.join("postmaster.pid"), sockets.join(".s.PGSQL.5432.lock")],
        folder: data,
        end_signal: Signal::INT,
        patience: Duration::from_mins(1),
        give_up_after: None,
    });
    Ok((child, url(&sockets, "annals")?))
}

/// Waits until it answers and has the database.
pub(super) async fn wait_ready(folder: &Folder, child: &Child) -> anyhow::Result<()> {
    let url = url(&folder.sockets()?, "postgres")?;
    let answers = || timeout(Duration::from_secs(5), PgConnection::connect(&url));
    child.life().wait_ready(|| async { matches!(answers().await, Ok(Ok(_))) }).await?;
    let mut connection = PgConnection::connect(&url).await?;
    let known: bool =
        sqlx::query_scalar("select exists (select from pg_database where datname = 'annals')")
            .fetch_one(&mut connection)
            .await?;
    if !known {
        sqlx::query("create database annals").execute(&mut connection).await?;
    }
    Ok(connection.close().await?)
}

/// The address of a database on the socket in a folder.
pub(super) fn url(sockets: &Path, database: &str) -> anyhow::Result<String> {
    let sockets = sockets.to_str().context("the data folder's path must be UTF-8")?;
    let mut url = Url::parse(&format!("postgres://annals@localhost/{database}"))?;
    url.query_pairs_mut().append_pair("host", sockets);
    Ok(url.into())
}

/// Makes it beside its place, so that a cluster that is there is a whole one.
async fn make_cluster(site: &Site, bin: &Path, data: &Path) -> anyhow::Result<()> {
    let draft = site.folder.path().join("postgres.new");
    if draft.exists() {
        fs::remove_dir_all(&draft)?;
    }
    let made = site
        .leash
        .unroot_command(&bin.join("initdb"))
        .await?
        .arg("--pgdata")
        .arg(&draft)
        .args(["--username=annals", "--auth-local=trust", "--auth-host=reject"])
        .args(["--encoding=UTF8", "--locale=C.UTF-8", "--data-checksums"])
        .kill_on_drop(true)
        .output()
        .await
        .with_context(|| format!("running {}", bin.join("initdb").display()))?;
    ensure!(made.status.success(), "initdb: {}", String::from_utf8_lossy(&made.stderr).trim());
    Ok(fs::rename(&draft, data)?)
}
