//! The master key, which wraps every other key and never touches data itself.
//!
//! A wrapped key names the master key that wrapped it, so that a change of master keys can go on
//! while the program runs: what one wraps, every process that knows it opens.

use std::sync::{Arc, PoisonError, RwLock};

use anyhow::{Context, anyhow};
use aws_lc_rs::hmac;
use base64::{Engine, engine::general_purpose::STANDARD};
use sqlx::PgPool;

use crate::crypto::{aead, open, random, seal};

/// The first byte of a wrapped key that names its master key.
const NAMED: u8 = 1;
/// Bytes in front of a wrapped key: the mark, and the master key's id.
const HEADER: usize = 1 + size_of::<KeyId>();
/// What the id of a master key is a MAC of.
const ID: &[u8] = b"annals master key id";
/// The name under which a master key itself is wrapped by the one before it.
const BRIDGE: &[u8] = b"master key";

/// Tells one master key from another, and nothing of it.
pub(crate) type KeyId = [u8; 8];

/// The keys that an operator keeps: one that wraps, and those before it that still open.
#[derive(Clone)]
pub struct MasterKey(Arc<RwLock<Ring>>);

struct Ring {
    current: Single,
    others: Vec<Single>,
}

/// One key: 32 random bytes.
#[derive(Clone)]
struct Single {
    id: KeyId,
    bytes: [u8; 32],
}

impl Single {
    fn new(bytes: [u8; 32]) -> Self {
        let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &bytes), ID);
        let mut id = KeyId::default();
        id.copy_from_slice(&tag.as_ref()[..size_of::<KeyId>()]);
        Self { id, bytes }
    }
}

impl Ring {
    fn knows(&self, id: KeyId) -> bool {
        self.current.id == id || self.others.iter().any(|other| other.id == id)
    }
}

impl MasterKey {
    /// A key that configuration carries as bytes.
    #[must_use]
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        let ring = Ring { current: Single::new(bytes), others: vec![] };
        Self(Arc::new(RwLock::new(ring)))
    }

    /// The same, and it opens what `others` wrapped.
    #[must_use]
    pub fn beside(self, others: impl IntoIterator<Item = [u8; 32]>) -> Self {
        self.0
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .others
            .extend(others.into_iter().map(Single::new));
        self
    }

    /// Reads the base64 form that configuration carries.
    pub fn from_base64(text: &str) -> anyhow::Result<Self> {
        let bytes = STANDARD.decode(text.trim()).context("the master key is not base64")?;
        let bytes = bytes.try_into().map_err(|_| anyhow!("the master key is not 32 bytes"))?;
        Ok(Self::from_bytes(bytes))
    }

    /// Makes a new key.
    pub fn generate() -> anyhow::Result<Self> {
        random().map(Self::from_bytes)
    }

    /// The form that configuration carries.
    #[must_use]
    pub fn to_base64(&self) -> String {
        STANDARD.encode(self.read().current.bytes)
    }

    /// A short name of the key that wraps: tells which it is, and nothing of it.
    #[must_use]
    pub fn name(&self) -> String {
        format!("{:016x}", u64::from_be_bytes(self.read().current.id))
    }

    /// Closes a key for storage under a name that must be the same when it is opened.
    pub(crate) fn wrap(&self, key: &[u8; 32], name: &[u8]) -> anyhow::Result<Vec<u8>> {
        let current = self.read().current.clone();
        current.wrap(key, name)
    }

    /// Opens what [`MasterKey::wrap`] closed; `None` where another master key did.
    pub(crate) fn unwrap(&self, wrapped: &[u8], name: &[u8]) -> anyhow::Result<Option<[u8; 32]>> {
        let ring = self.read();
        let mut keys = std::iter::once(&ring.current).chain(&ring.others);
        let opened = match wrapper(wrapped) {
            Some(id) => match keys.find(|key| key.id == id) {
                Some(key) => open(&aead(&key.bytes)?, &wrapped[HEADER..], name)
                    .context("a stored key does not open")?,
                None => return Ok(None),
            },
            // Wrapped before wrapped keys had names.
            None => keys
                .find_map(|key| open(&aead(&key.bytes).ok()?, wrapped, name).ok())
                .context("a stored key does not open: is ANNALS_MASTER_KEY the right one?")?,
        };
        opened.try_into().map(Some).map_err(|_| anyhow!("a stored key is not 32 bytes"))
    }

    /// The same; a master key that took over while this process ran is looked up.
    pub(crate) async fn unwrap_with(
        &self,
        pool: &PgPool,
        wrapped: &[u8],
        name: &[u8],
    ) -> anyhow::Result<[u8; 32]> {
        if let Some(key) = self.unwrap(wrapped, name)? {
            return Ok(key);
        }
        self.follow(pool).await?;
        self.unwrap(wrapped, name)?.context(
            "a stored key was wrapped by another master key: is ANNALS_MASTER_KEY the right one, \
            and the one before it ANNALS_MASTER_KEY_PREVIOUS?",
        )
    }

    /// Takes over to the master key that the last rotation began to wrap with, if there is one.
    pub(crate) async fn follow(&self, pool: &PgPool) -> anyhow::Result<()> {
        for next in self.bridged(pool).await? {
            let mut ring = self.0.write().unwrap_or_else(PoisonError::into_inner);
            if !ring.knows(next.id) {
                let before = std::mem::replace(&mut ring.current, next);
                ring.others.push(before);
            }
        }
        Ok(())
    }

    /// Learns of the keys that rotations before this one began to wrap with.
    pub(crate) async fn learn(&self, pool: &PgPool) -> anyhow::Result<()> {
        for other in self.bridged(pool).await? {
            let mut ring = self.0.write().unwrap_or_else(PoisonError::into_inner);
            if !ring.knows(other.id) {
                ring.others.push(other);
            }
        }
        Ok(())
    }

    async fn bridged(&self, pool: &PgPool) -> anyhow::Result<Vec<Single>> {
        let bridges = sqlx::query_scalar!("select wrapped_key from vault.master_bridge")
            .fetch_all(pool)
            .await?;
        let keys =
            bridges.iter().map(|bridge| self.unwrap(bridge, BRIDGE)).collect::<Result<Vec<_>, _>>();
        Ok(keys?.into_iter().flatten().map(Single::new).collect())
    }

    /// The key that wraps, wrapped by each of the others: whoever knows one of them may follow.
    pub(crate) fn bridges(&self) -> anyhow::Result<Vec<Vec<u8>>> {
        let ring = self.read();
        ring.others.iter().map(|other| other.wrap(&ring.current.bytes, BRIDGE)).collect()
    }

    /// What every key that the current one wrapped begins with.
    pub(crate) fn header(&self) -> Vec<u8> {
        header(self.read().current.id)
    }

    /// The key that wraps, alone.
    pub(crate) fn alone(&self) -> Self {
        Self::from_bytes(self.read().current.bytes)
    }

    fn read(&self) -> std::sync::RwLockReadGuard<'_, Ring> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Single {
    fn wrap(&self, key: &[u8; 32], name: &[u8]) -> anyhow::Result<Vec<u8>> {
        let mut wrapped = header(self.id);
        wrapped.extend(seal(&aead(&self.bytes)?, key, name)?);
        Ok(wrapped)
    }
}

fn header(id: KeyId) -> Vec<u8> {
    [&[NAMED][..], &id].concat()
}

/// The master key that a wrapped key names; older ones, which are shorter, name none.
fn wrapper(wrapped: &[u8]) -> Option<KeyId> {
    let (header, sealed) = wrapped.split_at_checked(HEADER)?;
    let is_named = header[0] == NAMED && sealed.len() == crate::crypto::OVERHEAD + 32;
    if is_named { header[1..].try_into().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OLD: [u8; 32] = [1; 32];
    const NEW: [u8; 32] = [2; 32];

    #[test]
    fn a_key_opens_under_its_name_only() {
        let master = MasterKey::from_bytes(OLD);

        let wrapped = master.wrap(&[9; 32], b"ada").unwrap();

        assert_eq!(master.unwrap(&wrapped, b"ada").unwrap(), Some([9; 32]));
        assert!(master.unwrap(&wrapped, b"bob").is_err());
    }

    #[test]
    fn what_another_master_key_wrapped_is_told_from_what_is_broken() {
        let wrapped = MasterKey::from_bytes(OLD).wrap(&[9; 32], b"ada").unwrap();

        let foreign = MasterKey::from_bytes(NEW).unwrap(&wrapped, b"ada");
        let broken = MasterKey::from_bytes(OLD).unwrap(&wrapped[..40], b"ada");

        assert_eq!(foreign.unwrap(), None);
        assert!(broken.is_err());
    }

    #[test]
    fn the_key_before_still_opens_and_the_new_one_wraps() {
        let wrapped = MasterKey::from_bytes(OLD).wrap(&[9; 32], b"ada").unwrap();
        let both = MasterKey::from_bytes(NEW).beside([OLD]);

        let again = both.wrap(&[9; 32], b"ada").unwrap();

        assert_eq!(both.unwrap(&wrapped, b"ada").unwrap(), Some([9; 32]));
        assert_eq!(MasterKey::from_bytes(NEW).unwrap(&again, b"ada").unwrap(), Some([9; 32]));
    }

    #[test]
    fn a_key_that_was_wrapped_before_there_were_names_opens() {
        let nameless = seal(&aead(&OLD).unwrap(), &[9; 32], b"ada").unwrap();
        let both = MasterKey::from_bytes(NEW).beside([OLD]);

        assert_eq!(both.unwrap(&nameless, b"ada").unwrap(), Some([9; 32]));
        assert!(MasterKey::from_bytes(NEW).unwrap(&nameless, b"ada").is_err());
    }

    #[test]
    fn the_old_key_leads_to_the_new_one() {
        let both = MasterKey::from_bytes(NEW).beside([OLD]);

        let bridges = both.bridges().unwrap();

        let old = MasterKey::from_bytes(OLD);
        assert_eq!(old.unwrap(&bridges[0], BRIDGE).unwrap(), Some(NEW));
        assert_eq!(both.alone().name(), both.name());
        assert_ne!(old.name(), both.name());
    }
}
