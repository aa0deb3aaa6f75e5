//! The master key, which wraps every other key and never touches data itself.

use anyhow::{Context, anyhow, ensure};
use aws_lc_rs::{
    aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey},
    hmac, rand,
};
use base64::{Engine, engine::general_purpose::STANDARD};
use sqlx::PgPool;

/// The key that an operator keeps: 32 random bytes.
#[derive(Clone)]
pub struct MasterKey([u8; 32]);

/// A key of the service itself, stored wrapped in `vault.service_key`.
#[derive(Clone)]
pub struct ServiceKey([u8; 32]);

impl MasterKey {
    /// A key that configuration carries as bytes.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Reads the base64 form that configuration carries.
    pub fn from_base64(text: &str) -> anyhow::Result<Self> {
        let bytes = STANDARD.decode(text.trim()).context("the master key is not base64")?;
        let bytes = bytes.try_into().map_err(|_| anyhow!("the master key is not 32 bytes"))?;
        Ok(Self(bytes))
    }

    /// Makes a new key.
    pub fn generate() -> anyhow::Result<Self> {
        random().map(Self)
    }

    /// The form that configuration carries.
    #[must_use]
    pub fn to_base64(&self) -> String {
        STANDARD.encode(self.0)
    }

    /// Closes a key for storage under a name that must be the same when it is opened.
    pub(crate) fn wrap(&self, key: &[u8; 32], name: &[u8]) -> anyhow::Result<Vec<u8>> {
        seal(&aead(&self.0)?, key, name)
    }

    /// Opens what [`MasterKey::wrap`] closed.
    pub(crate) fn unwrap(&self, wrapped: &[u8], name: &[u8]) -> anyhow::Result<[u8; 32]> {
        let key = open(&aead(&self.0)?, wrapped, name)
            .context("a stored key does not open: is ANNALS_MASTER_KEY the right one?")?;
        key.try_into().map_err(|_| anyhow!("a stored key is not 32 bytes"))
    }
}

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
        Ok(Self(master.unwrap(&stored, name.as_bytes())?))
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
        stored.map(|stored| master.unwrap(&stored, name.as_bytes()).map(Self)).transpose()
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
        let key = hmac::Key::new(hmac::HMAC_SHA256, &self.0);
        let mut context = hmac::Context::with_key(&key);
        for part in parts {
            context.update(&(part.len() as u64).to_be_bytes());
            context.update(part);
        }
        let mut mac = [0; 32];
        mac.copy_from_slice(context.sign().as_ref());
        mac
    }
}

pub(crate) fn random<const N: usize>() -> anyhow::Result<[u8; N]> {
    let mut bytes = [0; N];
    rand::fill(&mut bytes).map_err(|_| anyhow!("the machine gives no random bytes"))?;
    Ok(bytes)
}

pub(crate) fn aead(key: &[u8; 32]) -> anyhow::Result<LessSafeKey> {
    let key = UnboundKey::new(&AES_256_GCM, key).map_err(|_| anyhow!("not an AES-256 key"))?;
    Ok(LessSafeKey::new(key))
}

/// AES-256-GCM with a random nonce in front (NIST SP 800-38D).
pub(crate) fn seal(key: &LessSafeKey, clear: &[u8], context: &[u8]) -> anyhow::Result<Vec<u8>> {
    let nonce: [u8; NONCE_LEN] = random()?;
    let mut sealed = clear.to_vec();
    key.seal_in_place_append_tag(
        Nonce::assume_unique_for_key(nonce),
        Aad::from(context),
        &mut sealed,
    )
    .map_err(|_| anyhow!("sealing failed"))?;
    sealed.splice(0..0, nonce);
    Ok(sealed)
}

pub(crate) fn open(key: &LessSafeKey, sealed: &[u8], context: &[u8]) -> anyhow::Result<Vec<u8>> {
    ensure!(sealed.len() >= NONCE_LEN, "too short to be sealed");
    let (nonce, rest) = sealed.split_at(NONCE_LEN);
    let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| anyhow!("not a nonce"))?;
    let mut rest = rest.to_vec();
    let length = key
        .open_in_place(nonce, Aad::from(context), &mut rest)
        .map_err(|_| anyhow!("sealed with another key or for another place"))?
        .len();
    rest.truncate(length);
    Ok(rest)
}
