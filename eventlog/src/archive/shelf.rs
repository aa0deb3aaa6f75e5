//! The archive files as this process knows them: which there are, the open ones, the latest frames.

use std::{
    collections::{HashMap, VecDeque},
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
};

use anyhow::Context;
use bytes::Bytes;
use sqlx::PgPool;
use tokio::task::spawn_blocking;

use super::{Archived, Unreadable, catalogue, file::ArchiveFile};
use crate::{Position, container::Digest};

/// Frames that are kept decompressed: a few readers that follow the log at their own pace.
const FRAMES: usize = 8;
/// Files that are kept open.
const FILES: usize = 64;

/// What a process knows of the archive.
#[derive(Clone, Default)]
pub(crate) struct Shelf(Arc<Inner>);

#[derive(Default)]
struct Inner {
    folder: OnceLock<PathBuf>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    listed: Vec<Archived>,
    open: HashMap<Digest, Arc<ArchiveFile>>,
    recent: VecDeque<((Digest, usize), Bytes)>,
}

impl Shelf {
    /// Says where the files are; the first word counts.
    pub(crate) fn stand_in(&self, folder: PathBuf) {
        let _ = self.0.folder.set(folder);
    }

    /// Where the files are.
    pub(super) fn folder(&self) -> anyhow::Result<&PathBuf> {
        self.0.folder.get().context("this process was not told where archive files are")
    }

    /// Reads the catalogue anew.
    pub(crate) async fn refresh(&self, pool: &PgPool) -> anyhow::Result<()> {
        let listed = catalogue::list(pool).await?;
        let mut state = self.lock();
        state.open.retain(|sum, _| listed.iter().any(|archived| archived.sha256 == *sum));
        state.listed = listed;
        Ok(())
    }

    /// The part that holds a position, if it is known to be archived.
    pub(super) fn part_of(&self, position: Position) -> Option<Archived> {
        let state = self.lock();
        let after = state.listed.partition_point(|archived| archived.first <= position);
        let found = &state.listed[after.checked_sub(1)?];
        (position <= found.last).then(|| found.clone())
    }

    /// The parts that are known to be archived, in order.
    pub(super) fn listed(&self) -> Vec<Archived> {
        self.lock().listed.clone()
    }

    /// The last position that is known to be archived; the table holds all that follow.
    pub(crate) fn last(&self) -> Position {
        self.lock().listed.last().map_or(0, |archived| archived.last)
    }

    /// Opens the file of a part, or gives the open one.
    pub(super) async fn file(&self, archived: &Archived) -> anyhow::Result<Arc<ArchiveFile>> {
        if let Some(file) = self.lock().open.get(&archived.sha256) {
            return Ok(Arc::clone(file));
        }
        let path = self.folder()?.join(&archived.file);
        let wanted = archived.clone();
        let opened = spawn_blocking(move || ArchiveFile::open(&path, &wanted)).await?;
        let file = Arc::new(opened.map_err(|error| self.unreadable(archived, &error))?);
        let mut state = self.lock();
        if state.open.len() >= FILES {
            state.open.clear();
        }
        state.open.insert(archived.sha256, Arc::clone(&file));
        Ok(file)
    }

    /// The rows of a frame of events.
    pub(super) async fn frame(
        &self,
        archived: &Archived,
        file: &Arc<ArchiveFile>,
        index: usize,
    ) -> anyhow::Result<Bytes> {
        let key = (archived.sha256, index);
        if let Some((_, rows)) = self.lock().recent.iter().find(|(known, _)| *known == key) {
            return Ok(rows.clone());
        }
        let file = Arc::clone(file);
        let rows = spawn_blocking(move || file.events(index)).await??;
        let mut state = self.lock();
        state.recent.truncate(FRAMES - 1);
        state.recent.push_front((key, rows.clone()));
        Ok(rows)
    }

    /// Says what cannot be read, and what to do about it.
    pub(super) fn unreadable(&self, archived: &Archived, error: &anyhow::Error) -> Unreadable {
        let folder = self.0.folder.get().cloned().unwrap_or_default();
        let cause = error.downcast_ref::<std::io::Error>().map(std::io::Error::kind);
        let detail = match cause {
            Some(std::io::ErrorKind::NotFound) => {
                "it is not there; every process that reads the log needs the folder \
                 (ANNALS_ARCHIVE_DIR)"
                    .to_owned()
            }
            _ => format!("{error:#}"),
        };
        let file = folder.join(&archived.file);
        Unreadable { position: archived.first, last: archived.last, file, detail }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
