//! The configuration: read once from flags and environment, checked, then never changed.

mod accounts;
mod keep;
mod options;
mod parse;
mod show;

pub(crate) use accounts::Accounts;
pub(crate) use keep::Keep;
pub(crate) use options::Options;
pub(crate) use parse::{master_key, wait};

use std::{
    net::{IpAddr, SocketAddr},
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::Context;
use commands::Rates;
use workers::sms::Twilio;

/// What is logged unless `RUST_LOG` says otherwise: libraries only speak up when something is wrong.
const LOG: &str = "info,async_nats=warn,sqlx=warn";

/// Everything the program was told, checked.
#[derive(Clone)]
pub(crate) struct Config {
    /// Where HTTP is served.
    pub(crate) listen: SocketAddr,
    /// How the outside reaches us, without a slash at the end; links in mails start with it.
    pub(crate) public_url: String,
    /// Where everything lives that this machine keeps; absolute.
    pub(crate) data_dir: PathBuf,
    /// Where archived parts of the log are; absolute.
    pub(crate) archive_dir: PathBuf,
    /// Events in a partition of the log, if somebody chose.
    pub(crate) partition_size: Option<i64>,
    /// How long technical data is kept.
    pub(crate) retention: Keep,
    /// A Postgres somebody else runs; unset: one of our own.
    pub(crate) database_url: Option<String>,
    /// A NATS server somebody else runs; unset: one of our own.
    pub(crate) nats_url: Option<String>,
    /// Where mails go; unset: into files.
    pub(crate) smtp_url: Option<String>,
    /// Who carries messages to telephones; unset: files.
    pub(crate) twilio: Option<Twilio>,
    /// The key that wraps all others, if it was given; see `master_key::load`.
    pub(crate) master_key: Option<[u8; 32]>,
    /// Master keys that are not in use any more, or not yet, and still open what they wrapped.
    pub(crate) master_key_previous: Vec<[u8; 32]>,
    /// The first administrator's address.
    pub(crate) admin_email: Option<String>,
    /// The first administrator's password; unset: a one-time password is made and printed.
    pub(crate) admin_password: Option<String>,
    /// What accounts are opened with.
    pub(crate) accounts: Accounts,
    /// How often what may be done.
    pub(crate) rates: Rates,
    /// How long people stay signed in.
    pub(crate) sessions: Sessions,
    /// How many hours an answer is kept for a request that comes again with its `Idempotency-Key`.
    pub(crate) idempotency_hours: u16,
    /// What a scraper of `/metrics` has to show instead of an administrator's login.
    pub(crate) metrics_token: Option<String>,
    /// Networks (address and prefix length) whose word about the client's address is taken.
    pub(crate) trusted_proxies: Vec<(IpAddr, u8)>,
    /// The model providers.
    pub(crate) providers: Providers,
    /// Whether the small local model may be started when no provider is configured.
    pub(crate) local_model: bool,
    /// The programs that the private servers are made of.
    pub(crate) programs: Programs,
    /// What to log, in the form of `RUST_LOG`.
    pub(crate) log: String,
}

/// How long people stay signed in.
#[derive(Clone, Copy)]
pub(crate) struct Sessions {
    /// At the most, whatever they do.
    pub(crate) lifetime: Duration,
    /// While they do nothing.
    pub(crate) idle: Duration,
}

/// The model providers there are.
#[derive(Clone)]
pub(crate) struct Providers {
    /// Anthropic's Messages.
    pub(crate) anthropic: Provider,
    /// Meta's native Llama interface.
    pub(crate) llama: Provider,
    /// `OpenAI`, or any server that speaks its dialect.
    pub(crate) openai: Provider,
}

/// How to reach one model provider.
#[derive(Clone)]
pub(crate) struct Provider {
    /// What it wants to see from us.
    pub(crate) api_key: Option<String>,
    /// Where it is, if not at its usual address; without a slash at the end.
    pub(crate) base_url: Option<String>,
}

/// The programs that the private servers are made of; unset: those in `.tools/`.
#[derive(Clone)]
pub(crate) struct Programs {
    /// A folder with `postgres` and `initdb`.
    pub(crate) postgres_bin: Option<PathBuf>,
    /// The program `nats-server`.
    pub(crate) nats_bin: Option<PathBuf>,
    /// The program `bwrap`.
    pub(crate) bwrap_bin: Option<PathBuf>,
    /// The Python that runs the local model.
    pub(crate) python: PathBuf,
}

impl Config {
    /// Checks what was given; an error names the variable at fault.
    pub(crate) fn new(options: Options) -> anyhow::Result<Self> {
        let given = options.without_empty();
        let listen = parse::listen(given.listen.as_deref().unwrap_or("127.0.0.1:8000"))?;
        let public_url = match given.public_url {
            Some(url) => parse::web_address("ANNALS_PUBLIC_URL", &url)?,
            None => format!("http://{listen}"),
        };
        let data_dir = given.data_dir.as_deref().unwrap_or(".annals");
        let data_dir = std::path::absolute(data_dir).context("ANNALS_DATA_DIR")?;
        let archive_dir = archive_dir(given.archive_dir, &data_dir)?;
        Ok(Self {
            listen,
            public_url,
            data_dir,
            archive_dir,
            partition_size: parse::partition_size(given.partition_size.as_deref())?,
            retention: Keep::new(given.retention.as_deref())?,
            database_url: parse::database_url(given.database_url)?,
            nats_url: parse::nats_url(given.nats_url)?,
            smtp_url: parse::smtp_url(given.smtp_url)?,
            twilio: parse::twilio(
                given.twilio_base_url,
                [given.twilio_account_sid, given.twilio_auth_token, given.twilio_from],
            )?,
            master_key: given.master_key.as_deref().map(parse::master_key).transpose()?,
            master_key_previous: parse::master_keys(given.master_key_previous.as_deref())?,
            admin_email: given.admin_email,
            admin_password: given.admin_password,
            accounts: Accounts::new(given.breach_url, given.enumeration_safe.as_deref())?,
            rates: parse::rates(given.rate_limits.as_deref(), given.registration_limit.as_deref())?,
            sessions: Sessions::new([given.session_lifetime, given.session_idle])?,
            idempotency_hours: parse::idempotency_hours(given.idempotency_hours.as_deref())?,
            metrics_token: given.metrics_token,
            trusted_proxies: parse::networks(given.trusted_proxies.as_deref())?,
            providers: Providers {
                anthropic: Provider::new(
                    "ANTHROPIC",
                    given.anthropic_api_key,
                    given.anthropic_base_url,
                )?,
                llama: Provider::new("LLAMA", given.llama_api_key, given.llama_base_url)?,
                openai: Provider::new("OPENAI", given.openai_api_key, given.openai_base_url)?,
            },
            local_model: parse::on_or_off("ANNALS_LOCAL_MODEL", given.local_model.as_deref())?,
            programs: Programs::new(
                [given.postgres_bin, given.nats_bin, given.bwrap_bin],
                given.python,
            ),
            log: given.log.unwrap_or_else(|| LOG.into()),
        })
    }
}

impl Programs {
    fn new(servers: [Option<String>; 3], python: Option<String>) -> Self {
        let [postgres_bin, nats_bin, bwrap_bin] = servers.map(|path| path.map(PathBuf::from));
        let python = python.map_or_else(|| PathBuf::from("python3"), PathBuf::from);
        Self { postgres_bin, nats_bin, bwrap_bin, python }
    }
}

fn archive_dir(given: Option<String>, data_dir: &Path) -> anyhow::Result<PathBuf> {
    match given {
        Some(folder) => std::path::absolute(folder).context("ANNALS_ARCHIVE_DIR"),
        None => Ok(data_dir.join("archive")),
    }
}

impl Sessions {
    fn new([lifetime, idle]: [Option<String>; 2]) -> anyhow::Result<Self> {
        let lifetime = lifetime.as_deref().unwrap_or("30d");
        let idle = idle.as_deref().unwrap_or("14d");
        Ok(Self {
            lifetime: parse::period("ANNALS_SESSION_LIFETIME", lifetime)?,
            idle: parse::period("ANNALS_SESSION_IDLE", idle)?,
        })
    }
}

impl Providers {
    /// Says whether anybody set a provider up; if not, the local model stands in.
    pub(crate) fn any_is_configured(&self) -> bool {
        [&self.anthropic, &self.llama, &self.openai].iter().any(|one| one.is_configured())
    }
}

impl Provider {
    fn new(name: &str, api_key: Option<String>, base_url: Option<String>) -> anyhow::Result<Self> {
        let base_url = base_url
            .map(|url| parse::web_address(&format!("{name}_BASE_URL"), &url))
            .transpose()?;
        Ok(Self { api_key, base_url })
    }

    /// Says whether it can be asked: a key for the usual address, or an address of its own.
    pub(crate) fn is_configured(&self) -> bool {
        self.api_key.is_some() || self.base_url.is_some()
    }
}

#[cfg(test)]
mod tests;
