//! Password hashing: Argon2id with 19 MiB, t = 2, p = 1 (RFC 9106; OWASP's minimum), on few threads.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use anyhow::{Context, anyhow};
use argon2::{
    Argon2, Params,
    password_hash::{PasswordHasher, PasswordVerifier, phc::PasswordHash},
};
use domain::Password;
use tokio::sync::Semaphore;

use crate::Error;

/// How many wait for a thread at most; whoever comes then is asked to come back.
const QUEUE: usize = 256;

/// Hashes so few passwords at a time that a storm of logins leaves room for everything else.
pub(crate) struct Hasher {
    permits: Arc<Semaphore>,
    waiting: AtomicUsize,
    /// Verified against where there is no account, so that the answer takes as long.
    dummy: Vec<u8>,
}

/// How a password compares with a hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Comparison {
    /// It is another one, or there is none.
    Wrong,
    /// It is the one.
    Right,
    /// It is the one, and the hash is weaker than hashes are now.
    RightButWeak,
}

impl Hasher {
    pub(crate) async fn new() -> anyhow::Result<Self> {
        // One core is left to everything else.
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let permits = Arc::new(Semaphore::new(cores.saturating_sub(1).max(1)));
        let mut hasher = Self { permits, waiting: AtomicUsize::new(0), dummy: vec![] };
        let password = Password::presented("nobody's password").context("it is short enough")?;
        hasher.dummy = hasher.hash(password).await?;
        Ok(hasher)
    }

    /// The hash to store, in PHC form.
    pub(crate) async fn hash(&self, password: Password) -> Result<Vec<u8>, Error> {
        self.blocking(move || {
            let hash: PasswordHash = Argon2::default()
                .hash_password(password.as_bytes())
                .map_err(|error| anyhow!("hashing a password: {error}"))?;
            Ok(hash.to_string().into_bytes())
        })
        .await
    }

    /// Compares a password with the hash of one; without a hash it is wrong, just as slowly.
    pub(crate) async fn compare(
        &self,
        password: Password,
        hash: Option<Vec<u8>>,
    ) -> Result<Comparison, Error> {
        let is_known = hash.is_some();
        let hash = hash.unwrap_or_else(|| self.dummy.clone());
        self.blocking(move || {
            let text = String::from_utf8(hash).context("a password hash is text")?;
            let hash =
                PasswordHash::new(&text).map_err(|error| anyhow!("a stored hash: {error}"))?;
            let is_right = Argon2::default().verify_password(password.as_bytes(), &hash).is_ok();
            Ok(match is_right && is_known {
                true if is_weak(&hash) => Comparison::RightButWeak,
                true => Comparison::Right,
                false => Comparison::Wrong,
            })
        })
        .await
    }

    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> anyhow::Result<T> + Send + 'static,
    ) -> Result<T, Error> {
        let permit = self.permit().await?;
        let outcome = tokio::task::spawn_blocking(move || {
            let outcome = work();
            drop(permit);
            outcome
        });
        Ok(outcome.await.context("a hashing thread")??)
    }

    async fn permit(&self) -> Result<tokio::sync::OwnedSemaphorePermit, Error> {
        struct Place<'a>(&'a AtomicUsize);
        impl Drop for Place<'_> {
            fn drop(&mut self) {
                self.0.fetch_sub(1, Ordering::Relaxed);
            }
        }

        let before = self.waiting.fetch_add(1, Ordering::Relaxed);
        let _place = Place(&self.waiting);
        if before >= QUEUE {
            metrics::counter!("annals_hashing_refused_total").increment(1);
            return Err(Error::Overloaded);
        }
        Ok(Arc::clone(&self.permits).acquire_owned().await.context("a place for hashing")?)
    }
}

/// Whether a hash took less work than new ones do.
fn is_weak(hash: &PasswordHash) -> bool {
    let Ok(params) = Params::try_from(hash) else { return true };
    let now = Params::DEFAULT;
    hash.algorithm.as_str() != "argon2id"
        || params.m_cost() < now.m_cost()
        || params.t_cost() < now.t_cost()
}

#[cfg(test)]
mod tests {
    use argon2::{Algorithm, ParamsBuilder, Version};

    use super::*;

    fn password(text: &str) -> Password {
        Password::presented(text).unwrap()
    }

    #[test]
    fn argon2id_is_that_of_rfc_9106() {
        let params = ParamsBuilder::new()
            .m_cost(32)
            .t_cost(3)
            .p_cost(4)
            .data(argon2::AssociatedData::new(&[4; 12]).unwrap())
            .build()
            .unwrap();
        let secret = [3; 8];
        let argon =
            Argon2::new_with_secret(&secret, Algorithm::Argon2id, Version::V0x13, params).unwrap();
        let mut tag = [0; 32];

        argon.hash_password_into(&[1; 32], &[2; 16], &mut tag).unwrap();

        assert_eq!(
            tag,
            [
                0x0d, 0x64, 0x0d, 0xf5, 0x8d, 0x78, 0x76, 0x6c, 0x08, 0xc0, 0x37, 0xa3, 0x4a, 0x8b,
                0x53, 0xc9, 0xd0, 0x1e, 0xf0, 0x45, 0x2d, 0x75, 0xb6, 0x5e, 0xb5, 0x25, 0x20, 0xe9,
                0x6b, 0x01, 0xe6, 0x59,
            ]
        );
    }

    #[tokio::test]
    async fn a_hash_that_took_less_work_is_right_and_weak() {
        let hasher = Hasher::new().await.unwrap();
        let params = Params::new(1024, 1, 1, None).unwrap();
        let weak = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        let hash: PasswordHash = weak.hash_password(b"correct horse").unwrap();
        let hash = || Some(hash.to_string().into_bytes());

        let right = hasher.compare(password("correct horse"), hash()).await.unwrap();
        let wrong = hasher.compare(password("battery staple"), hash()).await.unwrap();

        assert_eq!((right, wrong), (Comparison::RightButWeak, Comparison::Wrong));
    }

    #[tokio::test]
    async fn a_password_is_right_against_its_own_hash_only() {
        let hasher = Hasher::new().await.unwrap();
        let hash = hasher.hash(password("correct horse")).await.unwrap();

        let right = hasher.compare(password("correct horse"), Some(hash)).await.unwrap();
        let unknown = hasher.compare(password("nobody's password"), None).await.unwrap();

        assert_eq!((right, unknown), (Comparison::Right, Comparison::Wrong));
    }

    #[tokio::test]
    async fn whoever_comes_when_too_many_wait_is_sent_away() {
        let hasher = Hasher::new().await.unwrap();
        hasher.waiting.store(QUEUE, Ordering::Relaxed);

        let outcome = hasher.compare(password("correct horse"), None).await;

        assert!(matches!(outcome, Err(Error::Overloaded)));
        assert_eq!(hasher.waiting.load(Ordering::Relaxed), QUEUE);
    }
}
