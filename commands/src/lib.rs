//! The write side: one method of [`Commands`] per use case.

mod account;
mod api_key;
mod audit;
mod authenticate;
mod breach;
mod caller;
mod chat;
mod clock;
mod device;
mod erasure;
mod error;
mod execute;
mod factors;
mod idempotency;
mod jwt;
mod known;
mod limit;
mod notification;
mod outgoing;
mod password;
mod revoke;
mod session;
mod settings;
mod sign_in;
mod signatures;
mod step_up;
mod token;
mod uses;
mod watch;

use std::{sync::Arc, time::Duration};

use domain::chat::Provider;
use eventlog::{EventLog, MasterKey, Position, ServiceKey};
use tokio::sync::mpsc;
use uuid::Uuid;

pub use account::{NewAccount, NewAdmin, ProfileChange, Registered};
pub use api_key::{CreatedKey, KeyChange, NewApiKey, RotatedKey};
pub use caller::{Caller, Credential, Origin};
pub use chat::{Drive, NewRun, RunSignal, StartedRun, ToolProgress, drive_topic, stop_topic};
pub use clock::Clock;
pub use erasure::{Belonging, ERASURES, Erasing, Traces};
pub use error::Error;
pub use factors::{
    Answer, Challenged, Enrolled, PasskeyShown, PublicKeyCredential, Question,
    RegisterPublicKeyCredential, SignIn, TotpSetup, TwoFactorStatus,
};
pub use idempotency::{Granted, IdempotentRequest, RequestScope, Reservation, Seed, StoredAnswer};
pub use limit::{InvalidQuota, InvalidRates, Limit, Quota, Rates, Standing};
pub use notification::{NewNotification, inbox_topic};
pub use session::{Credentials, SignedIn};
pub use signatures::{JWKS_LIFETIME, JWKS_WAIT, TokenKey};
pub use step_up::Proof;
pub use token::Purpose;
pub use watch::Ending;

/// Everything that changes anything.
#[derive(Clone)]
pub struct Commands(Arc<Inner>);

pub(crate) struct Inner {
    pub log: EventLog,
    pub known: known::Known,
    pub watch: watch::Watch,
    pub uses: uses::Uses,
    pub clock: Clock,
    pub policy: Policy,
    pub hasher: password::Hasher,
    pub breaches: Option<breach::Breaches>,
    pub tokens: ServiceKey,
    pub idempotency: ServiceKey,
    pub signatures: signatures::Signatures,
    pub limits: limit::Limits,
    pub relying_party: factors::RelyingParty,
    pub node: Uuid,
    pub local_agent: Option<mpsc::Sender<Drive>>,
}

/// What an operator decides.
#[derive(Clone, Debug)]
pub struct Policy {
    /// The address people know this service by: issuer of tokens and start of links.
    pub public_url: String,
    /// The fewest characters of a password.
    pub password_minimum: usize,
    /// Where passwords are looked up that became known in breaches, if anywhere.
    pub breach_url: Option<String>,
    /// Whether nobody may learn which addresses have accounts, not even whoever registers.
    pub hides_addresses: bool,
    /// How often what may be done.
    pub rates: Rates,
    /// The model providers that can be called.
    pub providers: Vec<Provider>,
    /// How long people stay signed in.
    pub sessions: SessionLimits,
    /// How long the answer to a request with a key is kept for those who ask again.
    pub idempotency_lifetime: Duration,
}

/// How long people stay signed in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionLimits {
    /// At the most, however active they are.
    pub lifetime: Duration,
    /// While they do nothing.
    pub idle: Duration,
}

impl Default for SessionLimits {
    fn default() -> Self {
        Self { lifetime: Duration::from_hours(30 * 24), idle: Duration::from_hours(14 * 24) }
    }
}

/// What a command answers, and the position from which on it can be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Done<T> {
    /// The answer.
    pub value: T,
    /// The last position the command wrote, or the one it found unchanged.
    pub position: Position,
}

impl Commands {
    /// Opens the write side. `local_agent` takes runs that this process may drive at once.
    pub async fn open(
        log: EventLog,
        master: &MasterKey,
        clock: Clock,
        policy: Policy,
        local_agent: Option<mpsc::Sender<Drive>>,
    ) -> anyhow::Result<Self> {
        let tokens = ServiceKey::load(log.pool(), master, "tokens").await?;
        let idempotency = ServiceKey::load(log.pool(), master, "idempotency").await?;
        let counts = ServiceKey::load(log.pool(), master, "limits").await?;
        let commands = Self(Arc::new(Inner {
            signatures: signatures::Signatures::open(&log, master, &policy.public_url).await?,
            relying_party: factors::RelyingParty::new(&policy.public_url),
            limits: limit::Limits::new(log.pool().clone(), counts, policy.rates.clone()),
            hasher: password::Hasher::new().await?,
            breaches: policy.breach_url.as_deref().map(breach::Breaches::at).transpose()?,
            node: idempotency::new_id(),
            known: known::Known::new(),
            watch: watch::Watch::default(),
            uses: uses::Uses::default(),
            log,
            clock,
            policy,
            tokens,
            idempotency,
            local_agent,
        }));
        commands.listen_for_erasures();
        commands.keep_watch();
        commands.follow_token_keys();
        Ok(commands)
    }

    /// The log that commands append to.
    #[must_use]
    pub fn log(&self) -> &EventLog {
        &self.0.log
    }

    /// The clock that commands go by.
    #[must_use]
    pub fn clock(&self) -> &Clock {
        &self.0.clock
    }

    /// What the operator decided.
    #[must_use]
    pub fn policy(&self) -> &Policy {
        &self.0.policy
    }

    /// This process, as a driver of runs.
    #[must_use]
    pub fn node(&self) -> Uuid {
        self.0.node
    }
}

impl<T> Done<T> {
    pub(crate) const fn new(value: T, position: Position) -> Self {
        Self { value, position }
    }
}
