//! A folder in which messages lie as files, where there is nobody to hand them to.

use std::path::PathBuf;

use anyhow::Context;
use tokio::io::AsyncWriteExt;
use uuid::Uuid;

/// A folder for messages, each named after its person first.
pub(crate) struct Folder(PathBuf);

impl Folder {
    /// Makes it where it is not there yet.
    pub(crate) fn make(path: PathBuf) -> anyhow::Result<Self> {
        std::fs::create_dir_all(&path)
            .with_context(|| format!("making the folder {}", path.display()))?;
        Ok(Self(path))
    }

    /// Writes a message, as a whole or not at all, for nobody but us to read; answers where.
    pub(crate) async fn write(&self, name: &str, message: &[u8]) -> anyhow::Result<PathBuf> {
        let file = self.0.join(name);
        let draft = self.0.join(format!(".{name}.draft"));
        let mut options = tokio::fs::OpenOptions::new();
        options.write(true).create(true).truncate(true).mode(0o600);
        let mut paper = options.open(&draft).await.context("writing a message")?;
        paper.write_all(message).await.context("writing a message")?;
        paper.sync_all().await.context("writing a message")?;
        tokio::fs::rename(&draft, &file).await.context("writing a message")?;
        Ok(file)
    }

    /// Throws away what was written to a person, and returns how many messages that were.
    pub(crate) async fn forget(&self, person: Uuid) -> anyhow::Result<i64> {
        let theirs = format!("{person}.");
        let mut entries = tokio::fs::read_dir(&self.0).await.context("looking through messages")?;
        let mut forgotten = 0;
        while let Some(entry) = entries.next_entry().await.context("looking through messages")? {
            let name = entry.file_name();
            let name = name.to_str().map(|name| name.trim_start_matches('.'));
            if name.is_some_and(|name| name.starts_with(&theirs)) {
                tokio::fs::remove_file(entry.path()).await.context("throwing a message away")?;
                forgotten += 1;
            }
        }
        Ok(forgotten)
    }
}
