//! Password hashing: Argon2id with 19 MiB, t = 2, p = 1 (RFC 9106; OWASP's minimum), on few threads.

use std::sync::Arc;

use anyhow::{Context, anyhow};
use argon2::{
    Argon2,
    password_hash::{PasswordHasher, PasswordVerifier, phc::PasswordHash},
};
use domain::Password;
use tokio::sync::Semaphore;

/// Hashes so few passwords at a time that a storm of logins leaves room for everything else.
pub(crate) struct Hasher {
    permits: Arc<Semaphore>,
    /// Verified against where there is no account, so that the answer takes as long.
    dummy: Vec<u8>,
}

impl Hasher {
    pub(crate) async fn new() -> anyhow::Result<Self> {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let permits = Arc::new(Semaphore::new(cores));
        let mut hasher = Self { permits, dummy: vec![] };
        let password = Password::presented("nobody's password").context("it is short enough")?;
        hasher.dummy = hasher.hash(password).await?;
        Ok(hasher)
    }

    /// The hash to store, in PHC form.
    pub(crate) async fn hash(&self, password: Password) -> anyhow::Result<Vec<u8>> {
        self.blocking(move || {
            let hash: PasswordHash = Argon2::default()
                .hash_password(password.as_bytes())
                .map_err(|error| anyhow!("hashing a password: {error}"))?;
            Ok(hash.to_string().into_bytes())
        })
        .await
    }

    /// Whether a password is the one that was hashed; without a hash it never is, just as slowly.
    pub(crate) async fn is_right(
        &self,
        password: Password,
        hash: Option<Vec<u8>>,
    ) -> anyhow::Result<bool> {
        let is_known = hash.is_some();
        let hash = hash.unwrap_or_else(|| self.dummy.clone());
        self.blocking(move || {
            let text = String::from_utf8(hash).context("a password hash is text")?;
            let hash =
                PasswordHash::new(&text).map_err(|error| anyhow!("a stored hash: {error}"))?;
            let is_right = Argon2::default().verify_password(password.as_bytes(), &hash).is_ok();
            Ok(is_right && is_known)
        })
        .await
    }

    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> anyhow::Result<T> + Send + 'static,
    ) -> anyhow::Result<T> {
        let permit = Arc::clone(&self.permits).acquire_owned().await?;
        let outcome = tokio::task::spawn_blocking(move || {
            let outcome = work();
            drop(permit);
            outcome
        });
        outcome.await.context("a hashing thread")?
    }
}
