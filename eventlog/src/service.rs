//! Keys of the service itself: for claims, tokens, signatures.

use aws_lc_rs::hmac;
use sqlx::PgPool;

use crate::{MasterKey, crypto::random};

/// A key of the service itself, stored wrapped in `vault.service_key`.
#[derive(Clone)]
pub struct ServiceKey([u8; 32]);

impl ServiceKey {
    /// Reads the key called `name`, and makes it where there is none.
    pub async fn load(pool: &PgPool, master: &MasterKey, name: &str) -> anyhow::Result<Self> {
        let fresh = random()?;
        let wrapped = master.wrap(&fresh, name.as_bytes())?;
        sqlx::query!(
            "insert into vault.service_key (name, wrapped_key) values ($1, $2) on conflict do nothing",
            name,
            wrapped,
        )
        .execute(pool)
        .await?;
        let stored =
            sqlx::query_scalar!("select wrapped_key from vault.service_key where name = $1", name)
                .fetch_one(pool)
                .await?;
        Ok(Self(master.unwrap_with(pool, &stored, name.as_bytes()).await?))
    }

    /// Reads the key called `name`, if there is one.
    pub(crate) async fn find(
        pool: &PgPool,
        master: &MasterKey,
        name: &str,
    ) -> anyhow::Result<Option<Self>> {
        let stored =
            sqlx::query_scalar!("select wrapped_key from vault.service_key where name = $1", name)
                .fetch_optional(pool)
                .await?;
        let Some(stored) = stored else { return Ok(None) };
        Ok(Some(Self(master.unwrap_with(pool, &stored, name.as_bytes()).await?)))
    }

    /// A key that is stored elsewhere.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The key itself, as the seed of a signature key.
    #[must_use]
    pub fn bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// HMAC-SHA-256 over length-prefixed parts (RFC 2104), so that no two lists of parts collide.
    #[must_use]
    pub fn mac(&self, parts: &[&[u8]]) -> [u8; 32] {
        mac(&self.0, parts)
    }
}

/// HMAC-SHA-256 over length-prefixed parts.
pub(crate) fn mac(key: &[u8; 32], parts: &[&[u8]]) -> [u8; 32] {
    let key = hmac::Key::new(hmac::HMAC_SHA256, key);
    let mut context = hmac::Context::with_key(&key);
    for part in parts {
        context.update(&(part.len() as u64).to_be_bytes());
        context.update(part);
    }
    let mut mac = [0; 32];
    mac.copy_from_slice(context.sign().as_ref());
    mac
}
