//! A private Postgres that waits for the disk, with the settings of the one that Annals runs itself.

use std::{
    fs,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use anyhow::{Context, ensure};
use sqlx::{
    AssertSqlSafe, Connection, PgConnection, PgPool,
    postgres::{PgConnectOptions, PgPoolOptions},
};

use super::{
    place::{self, Scratch},
    server::{Server, leashed},
};

/// As in annals/src/embedded/postgres.rs.
const SETTINGS: [&str; 11] = [
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
];
/// As in annals/src/system.rs.
const CONNECTIONS: u32 = 32;
const START: Duration = Duration::from_mins(1);
const USER: &str = "annals";

/// A running cluster; its files go with it.
pub struct Cluster {
    server: Server,
    sockets: Scratch,
    data: Scratch,
}

impl Cluster {
    /// Makes an empty one and starts it.
    pub async fn start() -> anyhow::Result<Self> {
        let (data, sockets) = (Scratch::on_disk()?, Scratch::short()?);
        let folder = data.path().join("data");
        let made = leashed(&place::postgres("initdb")?)?
            .arg("--pgdata")
            .arg(&folder)
            .args([&format!("--username={USER}"), "--auth=trust", "--data-checksums"])
            .args(["--encoding=UTF8", "--locale=C.UTF-8"])
            .output()?;
        ensure!(made.status.success(), "initdb: {}", String::from_utf8_lossy(&made.stderr));
        let mut command = leashed(&place::postgres("postgres")?)?;
        command.arg("-D").arg(&folder).arg("-k").arg(sockets.path());
        command.args(SETTINGS.iter().flat_map(|setting| ["-c", setting]));
        let log = data.path().join("postgres.log");
        let server = Server::start(command, &log, folder.join("postmaster.pid"))?;
        let mut cluster = Self { server, sockets, data };
        cluster.ready().await?;
        Ok(cluster)
    }

    /// Makes a database with the migrations applied.
    pub async fn database(&self, name: &str) -> anyhow::Result<PgPool> {
        let mut connection = PgConnection::connect_with(&self.options("postgres")).await?;
        sqlx::query(AssertSqlSafe(format!("create database {name}")))
            .execute(&mut connection)
            .await?;
        connection.close().await?;
        let pool = PgPoolOptions::new()
            .max_connections(CONNECTIONS)
            .test_before_acquire(false)
            .connect_with(self.options(name))
            .await?;
        sqlx::migrate!("../migrations").run(&pool).await.context("applying the migrations")?;
        Ok(pool)
    }

    /// What a client of Postgres says to get at a database.
    pub fn arguments(&self, database: &str) -> [String; 5] {
        let host = self.sockets.path().display().to_string();
        ["-h".into(), host, "-U".into(), USER.into(), database.into()]
    }

    /// The address of a database for the program.
    pub fn url(&self, database: &str) -> String {
        format!("postgres://{USER}@localhost/{database}?host={}", self.sockets.path().display())
    }

    /// A folder for files beside the data.
    pub fn folder(&self) -> &Path {
        self.data.path()
    }

    fn options(&self, database: &str) -> PgConnectOptions {
        PgConnectOptions::new_without_pgpass()
            .socket(self.sockets.path())
            .username(USER)
            .database(database)
    }

    async fn ready(&mut self) -> anyhow::Result<()> {
        let began = Instant::now();
        while PgConnection::connect_with(&self.options("postgres")).await.is_err() {
            let is_over = self.server.has_ended() || began.elapsed() > START;
            ensure!(
                !is_over,
                "Postgres does not start:\n{}",
                read(self.data.path().join("postgres.log"))
            );
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Ok(())
    }
}

fn read(log: PathBuf) -> String {
    fs::read_to_string(log).unwrap_or_default()
}
