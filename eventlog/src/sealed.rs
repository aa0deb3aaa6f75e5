//! Closing bytes that stand outside of events: with the key of the person they tell of, or with one
//! of the service's.

use domain::Seal;
use uuid::Uuid;

use crate::{EventLog, ServiceKey, crypto};

impl EventLog {
    /// Closes bytes with a person's key; `context` must be the same again when they are opened.
    pub async fn seal_for(
        &self,
        subject: Uuid,
        clear: &[u8],
        context: &[u8],
    ) -> anyhow::Result<Vec<u8>> {
        let key = self.keys.for_writing(subject).await?;
        Ok(key.seal(clear, context).map_err(anyhow::Error::msg)?.into_bytes())
    }

    /// Opens what [`EventLog::seal_for`] closed; `None` once the person was erased.
    pub async fn open_for(
        &self,
        subject: Uuid,
        sealed: &[u8],
        context: &[u8],
    ) -> anyhow::Result<Option<Vec<u8>>> {
        let keys = self.keys.for_reading(std::iter::once(subject)).await?;
        let Some(key) = keys.get(&subject) else { return Ok(None) };
        key.open(std::str::from_utf8(sealed)?, context).map_err(anyhow::Error::msg)
    }
}

impl ServiceKey {
    /// Closes bytes that tell of nobody in particular.
    pub fn seal(&self, clear: &[u8], context: &[u8]) -> anyhow::Result<Vec<u8>> {
        crypto::seal(&crypto::aead(&self.sealing())?, clear, context)
    }

    /// Opens what [`ServiceKey::seal`] closed.
    pub fn open(&self, sealed: &[u8], context: &[u8]) -> anyhow::Result<Vec<u8>> {
        crypto::open(&crypto::aead(&self.sealing())?, sealed, context)
    }

    /// What closes is not what signs.
    fn sealing(&self) -> [u8; 32] {
        self.mac(&[b"sealing"])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_service_key_closed_opens_in_its_place_only() {
        let key = ServiceKey::from_bytes([7; 32]);

        let sealed = key.seal(b"clear", b"here").unwrap();

        assert_eq!(key.open(&sealed, b"here").unwrap(), b"clear");
        assert!(key.open(&sealed, b"there").is_err());
        assert!(ServiceKey::from_bytes([8; 32]).open(&sealed, b"here").is_err());
    }
}
