//! The parts of the program, opened: database, broker, log, write side, read side.

use std::{collections::HashMap, str::FromStr, time::Duration};

use anyhow::Context;
use commands::{Clock, Commands, Drive, Policy, SessionLimits};
use domain::chat::Provider;
use eventlog::{Broker, EventLog, Live, MasterKey};
use projections::Queries;
use sqlx::{
    Connection, PgPool,
    migrate::Migrator,
    postgres::{PgConnectOptions, PgPoolOptions},
};
use tokio::sync::mpsc;
use workers::agent::provider::{ProviderConfig, Providers};

use crate::{
    config::{self, Config},
    embedded::Embedded,
};

/// What makes the database.
pub(crate) static MIGRATIONS: Migrator = sqlx::migrate!("../migrations");
/// Connections to Postgres at most.
const CONNECTIONS: u32 = 32;
/// How long a transaction may wait for us: one of a process that hangs would hold its locks for ever.
const FORGOTTEN: &str = "15s";
/// How long after its last use a connection is believed to be alive.
const FRESH: Duration = Duration::from_secs(1);
/// The fewest characters of a password.
const PASSWORD_MINIMUM: usize = 8;

/// The parts that every role and command is made of.
#[derive(Clone)]
pub(crate) struct System {
    pub(crate) log: EventLog,
    pub(crate) broker: Broker,
    pub(crate) commands: Commands,
    pub(crate) queries: Queries,
    pub(crate) providers: Providers,
}

impl System {
    /// Connects to everything and brings the database up to date. `local_agent` takes the runs that
    /// this process may drive.
    pub(crate) async fn open(
        config: &Config,
        embedded: &Embedded,
        master: &MasterKey,
        local_agent: Option<mpsc::Sender<Drive>>,
    ) -> anyhow::Result<Self> {
        let pool = connect(embedded.database_url(), master).await?;
        let broker = Broker::connect(embedded.nats_url()).await?;
        let live = Live::join(broker.client().clone());
        choose_partition_size(config, &pool).await?;
        let log = EventLog::open(pool, master, live).await?;
        let log = log.with_archives_in(config.archive_dir.clone());
        let configs = providers(config, embedded);
        let policy = Policy {
            public_url: config.public_url.clone(),
            password_minimum: PASSWORD_MINIMUM,
            breach_url: config.accounts.breach_url.clone(),
            hides_addresses: config.accounts.enumeration_safe,
            rates: config.rates.clone(),
            providers: Provider::ALL.into_iter().filter(|one| configs.contains_key(one)).collect(),
            sessions: SessionLimits {
                lifetime: config.sessions.lifetime,
                idle: config.sessions.idle,
            },
            idempotency_lifetime: Duration::from_hours(config.idempotency_hours.into()),
        };
        let commands =
            Commands::open(log.clone(), master, Clock::System, policy, local_agent).await?;
        let queries = Queries::new(log.clone());
        Ok(Self { log, broker, commands, queries, providers: Providers::new(configs)? })
    }
}

async fn connect(url: &str, master: &MasterKey) -> anyhow::Result<PgPool> {
    let options = PgConnectOptions::from_str(url)
        .context("DATABASE_URL")?
        .application_name(&master.application_name())
        .options([("jit", "off"), ("idle_in_transaction_session_timeout", FORGOTTEN)]);
    let pool = PgPoolOptions::new()
        .max_connections(CONNECTIONS)
        .acquire_timeout(Duration::from_secs(5))
        .test_before_acquire(false)
        .before_acquire(|connection, used| {
            Box::pin(async move {
                // Asking whether a connection is alive costs a round trip: only after a pause.
                if used.idle_for >= FRESH {
                    connection.ping().await?;
                }
                Ok(true)
            })
        })
        .connect_with(options)
        .await
        .context("connecting to Postgres")?;
    MIGRATIONS.run(&pool).await.context("bringing the database up to date")?;
    Ok(pool)
}

async fn choose_partition_size(config: &Config, pool: &PgPool) -> anyhow::Result<()> {
    let Some(size) = config.partition_size else { return Ok(()) };
    if !EventLog::choose_partition_size(pool, size).await? {
        tracing::warn!("ANNALS_PARTITION_SIZE comes too late: this log has partitions already");
    }
    Ok(())
}

/// The providers that were set up; the local model stands in where there is none.
fn providers(config: &Config, embedded: &Embedded) -> HashMap<Provider, ProviderConfig> {
    let named = &config.providers;
    let known = [
        (Provider::Anthropic, &named.anthropic, "https://api.anthropic.com"),
        (Provider::MetaLlama, &named.llama, "https://api.llama.com/v1"),
        (Provider::OpenAi, &named.openai, "https://api.openai.com/v1"),
    ];
    let mut configs: HashMap<Provider, ProviderConfig> = known
        .into_iter()
        .filter(|(_, one, _)| one.is_configured())
        .map(|(provider, one, usual)| (provider, provider_config(one, usual)))
        .collect();
    if let Some(url) = embedded.local_model_url() {
        let local =
            ProviderConfig { base_url: url.to_owned(), api_key: None, anthropic_version: None };
        configs.insert(Provider::OpenAi, local);
    }
    configs
}

fn provider_config(one: &config::Provider, usual: &str) -> ProviderConfig {
    ProviderConfig {
        base_url: one.base_url.clone().unwrap_or_else(|| usual.to_owned()),
        api_key: one.api_key.clone(),
        anthropic_version: None,
    }
}
