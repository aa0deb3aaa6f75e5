//! The keys of access tokens in this process: which signs, which verify. Every process looks again
//! every two seconds, at once when it is told, and when a token names a key that it does not know.

use std::{
    sync::{Arc, PoisonError, RwLock},
    time::{Duration, Instant},
};

use anyhow::Context;
use chrono::{DateTime, Utc};
use eventlog::{EventLog, LiveMessage, MasterKey, SigningKey, Succession};
use serde_json::json;
use tokio::sync::broadcast::error::RecvError;

use crate::{
    Commands, Error,
    jwt::{self, Access, Holder, Key, Reader},
};

/// How often the keys are looked at when nobody says that they have changed.
const PAUSE: Duration = Duration::from_secs(2);
/// Tokens that name an unknown key have the keys looked at so often at most.
const CURIOSITY: Duration = Duration::from_millis(200);
/// Longer than a process goes on signing with a key after the next one has begun.
const SLACK: Duration = Duration::from_mins(1);
/// Where processes tell each other that keys have changed.
const TOPIC: &str = "signatures";

/// How long a verifier may keep what `/.well-known/jwks.json` says.
pub const JWKS_LIFETIME: Duration = Duration::from_mins(5);
/// How long a new key is published before it signs: as long as two caches in a row keep what was before.
pub const JWKS_WAIT: Duration = Duration::from_mins(10);

/// What reads and signs access tokens.
pub(crate) struct Signatures {
    reader: Reader,
    master: MasterKey,
    ring: RwLock<Arc<Ring>>,
}

struct Ring {
    looked_at: Instant,
    keys: Vec<(SigningKey, Key)>,
}

/// A key of access tokens, as an operator sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenKey {
    /// What it is called in tokens and in the key set.
    pub kid: String,
    /// Whether it is the one that signs.
    pub is_signing: bool,
    /// Since when it is published.
    pub published_at: DateTime<Utc>,
    /// From when on it signs.
    pub signs_from: DateTime<Utc>,
    /// Until when it verifies; for good while no key comes after it.
    pub verifies_until: Option<DateTime<Utc>>,
}

impl Signatures {
    pub(crate) async fn open(
        log: &EventLog,
        master: &MasterKey,
        issuer: &str,
    ) -> anyhow::Result<Self> {
        let ring = Ring::read(log, master).await?;
        let (reader, master) = (Reader::new(issuer), master.clone());
        Ok(Self { reader, master, ring: RwLock::new(Arc::new(ring)) })
    }

    pub(crate) fn sign(
        &self,
        holder: Holder,
        period: (DateTime<Utc>, DateTime<Utc>),
    ) -> anyhow::Result<String> {
        let ring = self.ring();
        let key = ring.signing().context("there is no key to sign with")?;
        self.reader.sign(key, holder, period)
    }

    /// What a token says, if it is one of ours, of this kind and of now.
    async fn read(
        &self,
        log: &EventLog,
        token: &str,
        now: DateTime<Utc>,
    ) -> anyhow::Result<Option<Access>> {
        let Some(header) = jwt::header_of(token) else { return Ok(None) };
        let mut ring = self.ring();
        if ring.key(header).is_none() && ring.is_missing(header) {
            self.look(log).await?;
            ring = self.ring();
        }
        Ok(ring.key(header).and_then(|key| self.reader.read(key, token, now)))
    }

    /// Reads the keys anew.
    async fn look(&self, log: &EventLog) -> anyhow::Result<()> {
        let ring = Ring::read(log, &self.master).await.context("looking at the keys of tokens")?;
        let before = self.ring();
        let kid = |ring: &Ring| ring.signing().map(|key| key.kid().to_owned());
        if kid(&before) != kid(&ring) {
            tracing::info!(kid = kid(&ring), "another key signs access tokens");
        }
        *self.ring.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(ring);
        Ok(())
    }

    fn ring(&self) -> Arc<Ring> {
        Arc::clone(&self.ring.read().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Ring {
    async fn read(log: &EventLog, master: &MasterKey) -> anyhow::Result<Self> {
        let looked_at = Instant::now();
        let stored = SigningKey::load(log.pool(), master).await?;
        let keys = stored.into_iter().map(|stored| Ok((stored.clone(), Key::new(&stored.seed)?)));
        let ring = Self { looked_at, keys: keys.collect::<anyhow::Result<_>>()? };
        metrics::gauge!("annals_signing_keys")
            .set(u32::try_from(ring.keys.len()).map_or(0.0, f64::from));
        Ok(ring)
    }

    fn signing(&self) -> Option<&Key> {
        self.keys.iter().find(|(stored, _)| stored.is_signing).map(|(_, key)| key)
    }

    fn key(&self, header: &str) -> Option<&Key> {
        self.keys.iter().map(|(_, key)| key).find(|key| key.has_header(header))
    }

    /// Whether another process may sign with a key by now that this one does not know.
    fn is_missing(&self, header: &str) -> bool {
        let is_ours = self.keys.iter().any(|(_, key)| key.resembles(header));
        is_ours && self.looked_at.elapsed() >= CURIOSITY
    }
}

impl Commands {
    /// What an access token says, if it is good.
    pub(crate) async fn read_access(&self, token: &str) -> Result<Access, Error> {
        let now = self.0.clock.now();
        let access = self.0.signatures.read(&self.0.log, token, now).await;
        access.map_err(Error::Unavailable)?.ok_or_else(Error::unauthenticated)
    }

    /// The public keys of access tokens (RFC 7517): those that sign, did so lately, or will soon.
    #[must_use]
    pub fn jwks(&self) -> serde_json::Value {
        let ring = self.0.signatures.ring();
        let keys: Vec<_> = ring.keys.iter().map(|(_, key)| key.jwk()).collect();
        json!({ "keys": keys })
    }

    /// The keys of access tokens, the newest first.
    #[must_use]
    pub fn token_keys(&self) -> Vec<TokenKey> {
        let ring = self.0.signatures.ring();
        let view = |(stored, key): &(SigningKey, Key)| TokenKey {
            kid: key.kid().to_owned(),
            is_signing: stored.is_signing,
            published_at: stored.published_at,
            signs_from: stored.signs_from,
            verifies_until: stored.verifies_until,
        };
        ring.keys.iter().map(view).collect()
    }

    /// Makes a new key of access tokens, which signs after `wait`. The keys before go on verifying for as
    /// long as their tokens live.
    pub async fn rotate_token_keys(&self, wait: Duration) -> anyhow::Result<()> {
        let overlap = jwt::LIFETIME.to_std()? + SLACK;
        self.succeed(Succession::Orderly { wait, overlap }).await
    }

    /// Makes a new key of access tokens, which signs at once; the keys before are gone, and their tokens
    /// dead: somebody else knows them.
    pub async fn replace_token_keys(&self) -> anyhow::Result<()> {
        self.succeed(Succession::Immediate).await
    }

    async fn succeed(&self, succession: Succession) -> anyhow::Result<()> {
        let log = &self.0.log;
        SigningKey::rotate(log.pool(), &self.0.signatures.master, succession).await?;
        self.0.signatures.look(log).await?;
        log.live().publish(TOPIC, LiveMessage::from_static(b"changed")).await;
        Ok(())
    }

    /// Looks at the keys for as long as this process lives.
    pub(crate) fn follow_token_keys(&self) {
        let (commands, mut news) = (Arc::downgrade(&self.0), self.0.log.live().subscribe(TOPIC));
        tokio::spawn(async move {
            loop {
                if let Ok(Err(RecvError::Closed)) = tokio::time::timeout(PAUSE, news.recv()).await {
                    return;
                }
                let Some(commands) = commands.upgrade() else { return };
                if let Err(error) = commands.signatures.look(&commands.log).await {
                    tracing::warn!(
                        error = format!("{error:#}"),
                        "the keys of tokens stay as they are"
                    );
                }
            }
        });
    }
}
