//! A migrated database of a test's own, and short ways to write to its log.

use std::{ops::Deref, str::FromStr, time::Duration};

use anyhow::Context;
use chrono::DateTime;
use domain::{Aggregate, login::Login, user};
use eventlog::{Append, AppendError, Appended, EventLog, Expected, Live, MasterKey, Meta};
use sqlx::{
    AssertSqlSafe, ConnectOptions, Connection, Executor, PgConnection, PgPool,
    postgres::{PgConnectOptions, PgPoolOptions},
};
use uuid::Uuid;

/// The master key of all tests.
pub const MASTER: [u8; 32] = [7; 32];

/// A database that is dropped with this value.
pub struct Database {
    cluster: PgConnectOptions,
    name: String,
    pub pool: PgPool,
    master: MasterKey,
}

impl Database {
    /// A copy of the migrated database.
    #[expect(clippy::disallowed_methods, reason = "tests have no configuration file")]
    pub async fn create() -> anyhow::Result<Self> {
        let url = std::env::var("ANNALS_TEST_CLUSTER")
            .context("ANNALS_TEST_CLUSTER names no Postgres: `make test` starts one and sets it")?;
        let template = PgConnectOptions::from_str(&url)?;
        let cluster = template.clone().database("postgres");
        let name = format!("t_{}", Uuid::new_v4().simple());
        let mut connection = PgConnection::connect_with(&cluster).await?;
        let create = format!("create database {name} template annals");
        // Another test may be copying it, too.
        while let Err(error) = connection.execute(AssertSqlSafe(create.as_str())).await {
            let code = error.as_database_error().and_then(|error| error.code().map(String::from));
            anyhow::ensure!(code.as_deref() == Some("55006"), error);
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let master = MasterKey::from_bytes(MASTER);
        let options = template.database(&name).application_name(&master.application_name());
        let pool = PgPoolOptions::new().max_connections(8).connect_with(options).await?;
        Ok(Self { cluster, name, pool, master })
    }

    /// Its address and its master key, for another process.
    pub fn address(&self) -> (String, String) {
        let url = self.pool.connect_options().to_url_lossy().to_string();
        (url, self.master.to_base64())
    }

    /// Opens the log with a batcher of its own, as a process does.
    pub async fn open(&self) -> anyhow::Result<EventLog> {
        self.open_with(&self.master, Live::default()).await
    }

    /// The key that wraps all others.
    pub fn master(&self) -> &MasterKey {
        &self.master
    }

    /// Opens the log as a process that was given these keys, and hears what is said on `live`.
    pub async fn open_with(&self, master: &MasterKey, live: Live) -> anyhow::Result<EventLog> {
        EventLog::open(self.pool.clone(), master, live).await
    }

    /// Runs statements, and says how many rows they touched.
    pub async fn execute(&self, sql: &str) -> sqlx::Result<u64> {
        Ok(self.pool.execute(AssertSqlSafe(sql)).await?.rows_affected())
    }

    /// As a superuser may: what protects events, heads and nodes from changes is put out of action.
    pub async fn disable_protection(&self) -> sqlx::Result<()> {
        for table in ["event", "seal", "tree_node"] {
            self.execute(&format!("alter table log.{table} disable trigger all")).await?;
        }
        Ok(())
    }

    /// Asks for one number.
    pub async fn number(&self, sql: &'static str) -> sqlx::Result<i64> {
        sqlx::query_scalar(sql).fetch_one(&self.pool).await
    }

    async fn drop_it(cluster: PgConnectOptions, name: String) -> sqlx::Result<()> {
        let mut connection = PgConnection::connect_with(&cluster).await?;
        let drop = format!("drop database if exists {name} with (force)");
        connection.execute(AssertSqlSafe(drop)).await.map(|_| ())
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        let (cluster, name) = (self.cluster.clone(), self.name.clone());
        // The runtime of the test cannot wait in here; another one can.
        let dropped = std::thread::spawn(|| {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.map(|runtime| runtime.block_on(Self::drop_it(cluster, name)))
        });
        let _ = dropped.join();
    }
}

/// A log in a database of its own.
pub struct TestLog {
    log: EventLog,
    pub database: Database,
}

impl TestLog {
    pub async fn create() -> anyhow::Result<Self> {
        let database = Database::create().await?;
        Ok(Self { log: database.open().await?, database })
    }
}

impl Deref for TestLog {
    type Target = EventLog;

    fn deref(&self) -> &EventLog {
        &self.log
    }
}

/// A command that a test may change before it is written.
pub struct Write<A: Aggregate> {
    pub stream: Uuid,
    pub expected: Expected,
    pub events: Vec<A::Event>,
    pub secrets: Vec<eventlog::Secret>,
    pub meta: Meta,
    pub command: Uuid,
    pub fingerprint: Vec<u8>,
}

/// A command for a stream that holds `version` events.
pub fn write<A: Aggregate>(stream: Uuid, version: i64, events: Vec<A::Event>) -> Write<A> {
    let (expected, meta) = (Expected::Version(version), Meta::default().about(stream));
    let command = Uuid::now_v7();
    Write { stream, expected, events, secrets: vec![], meta, command, fingerprint: vec![1] }
}

impl<A: Aggregate> Write<A> {
    pub async fn to(&self, log: &EventLog) -> Result<Appended, AppendError> {
        let append = Append::<A> {
            stream: self.stream,
            expected: self.expected,
            events: &self.events,
            secrets: self.secrets.clone(),
            meta: &self.meta,
            command: self.command,
            fingerprint: self.fingerprint.clone(),
        };
        log.append(append).await
    }
}

/// One refused attempt to sign in: an event without claims.
pub fn failure(stream: Uuid, version: i64) -> Write<Login> {
    write(stream, version, vec![failed()])
}

pub fn failed() -> domain::login::Event {
    let address = Some("192.0.2.1".to_owned().into());
    domain::login::Event::Failed { address, user_agent: None, at: DateTime::UNIX_EPOCH }
}

/// A new account: takes the address and the right to act.
pub fn registration(stream: Uuid, email: &str) -> Write<user::User> {
    write(stream, 0, vec![registered(email)])
}

pub fn registered(email: &str) -> user::Event {
    let email = domain::Email::try_from(email.to_owned()).expect("an address");
    let (role, at) = (user::Role::User, DateTime::UNIX_EPOCH);
    user::Event::Registered { email: email.into(), name: None, role, at }
}
