//! What is kept of a person outside the log: sealed with their key, and forgotten with it.

use std::sync::Arc;

use uuid::Uuid;

use crate::{EventLog, Gone, keys::SubjectKey};

/// Seals and opens what is kept of one person.
#[derive(Clone)]
pub struct Keeper(Arc<SubjectKey>);

impl EventLog {
    /// Seals and opens what is kept of a person; [`Gone`] once they were erased.
    pub async fn keeper(&self, subject: Uuid) -> anyhow::Result<Keeper> {
        let key = self.keys.for_writing(subject).await?;
        if key.is_gone() {
            return Err(Gone.into());
        }
        Ok(Keeper(key))
    }
}

impl Keeper {
    /// Closes `clear`; `context` must be the same again when it is opened.
    pub fn seal(&self, clear: &[u8], context: &[u8]) -> anyhow::Result<Vec<u8>> {
        self.0.seal_bytes(clear, context)
    }

    /// Opens what [`Keeper::seal`] closed.
    pub fn open(&self, sealed: &[u8], context: &[u8]) -> anyhow::Result<Vec<u8>> {
        Ok(self.0.open_bytes(sealed, context)?.ok_or(Gone)?)
    }

    /// A digest of `parts` that nobody can make without the person's key: equal parts can be found
    /// without being known.
    pub fn term(&self, parts: &[&[u8]]) -> anyhow::Result<[u8; 32]> {
        Ok(self.0.mac(parts).ok_or(Gone)?)
    }
}
