//! A tree head kept outside of the database: whoever turns the log back would have to turn it back, too.

use std::{io::ErrorKind, path::PathBuf};

use anyhow::Context;

use super::{Misfit, ProofError, TreeHead};
use crate::EventLog;

/// The file in which the newest tree head is kept, as a note.
#[derive(Clone, Debug)]
pub struct KeptHead(PathBuf);

impl KeptHead {
    /// In this file.
    #[must_use]
    pub fn new(file: PathBuf) -> Self {
        Self(file)
    }

    /// The head that was kept; none where there is no file.
    pub async fn read(&self) -> anyhow::Result<Option<TreeHead>> {
        let note = match tokio::fs::read_to_string(&self.0).await {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            read => read.with_context(|| format!("reading {}", self.0.display()))?,
        };
        let head = TreeHead::parse(&note);
        head.map(Some).with_context(|| format!("reading {}", self.0.display()))
    }

    /// Keeps a head instead of the one before.
    pub async fn write(&self, head: &TreeHead) -> anyhow::Result<()> {
        let draft = self.0.with_extension("new");
        let written = async {
            tokio::fs::write(&draft, head.note()).await?;
            tokio::fs::rename(&draft, &self.0).await
        };
        written.await.with_context(|| format!("writing {}", self.0.display()))
    }
}

impl EventLog {
    /// Fails with [`Misfit`] unless the log goes on from a head that was kept of it. A head of before
    /// the log was last restored from a backup, or of another log, says nothing: false.
    pub async fn goes_on_from(&self, kept: &TreeHead) -> anyhow::Result<bool> {
        let size = self.tree_head().await?.map_or(0, |head| head.size);
        if !self.is_of_this_epoch(kept).await? {
            return Ok(false);
        }
        if size < kept.size {
            return Err(Misfit::forgotten(kept.size, size).into());
        }
        let root = match self.root_at(kept.size).await {
            Err(ProofError::Log(error)) => return Err(error),
            root => root?,
        };
        if root != kept.root {
            return Err(Misfit::root(kept.size).into());
        }
        Ok(true)
    }

    /// Whether a head is of this log, and of after it was last restored from a backup.
    pub async fn is_of_this_epoch(&self, head: &TreeHead) -> anyhow::Result<bool> {
        Ok(head.verify(self.public_key()).is_ok() && head.epoch >= self.epoch().await?)
    }
}
