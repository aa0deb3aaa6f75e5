//! Reading events where they were moved to.

use std::{path::PathBuf, sync::Arc};

use bytes::Bytes;
use uuid::Uuid;

use super::{Archived, Unreadable, file::ArchiveFile};
use crate::{
    EventLog, Position,
    follow::Row,
    tuples::{self, Rows},
};

impl EventLog {
    /// Says where archive files are; every process that reads the log needs the same ones.
    #[must_use]
    pub fn with_archives_in(self, folder: PathBuf) -> Self {
        self.shelf.stand_in(folder);
        self
    }

    pub(crate) fn archive_folder(&self) -> anyhow::Result<&PathBuf> {
        self.shelf.folder()
    }

    /// The rows after a position, if they are known to be archived; at most `limit`, and no more than
    /// one frame holds.
    pub(crate) async fn archived_rows(
        &self,
        after: Position,
        limit: i64,
    ) -> anyhow::Result<Option<Vec<Row>>> {
        let Some(archived) = self.shelf.part_of(after + 1) else { return Ok(None) };
        match self.rows_of(&archived, after, limit).await {
            Ok(rows) => Ok(Some(rows)),
            Err(error) => {
                // It may have been brought back into the table.
                self.shelf.refresh(&self.pool).await?;
                if self.shelf.part_of(after + 1).is_some() { Err(error) } else { Ok(None) }
            }
        }
    }

    async fn rows_of(
        &self,
        archived: &Archived,
        after: Position,
        limit: i64,
    ) -> anyhow::Result<Vec<Row>> {
        let file = self.shelf.file(archived).await?;
        let Some((index, first)) = file.frame_of(after + 1) else { return Ok(vec![]) };
        let skipped = usize::try_from(after + 1 - first)?;
        let rows = self.frame_at(archived, &file, index, after + 1).await?;
        let wanted = Rows(rows).skip(skipped).take(usize::try_from(limit)?);
        wanted.map(|tuple| tuples::event(tuple?)).collect()
    }

    /// A frame, or what is wrong from its first position on.
    async fn frame_at(
        &self,
        archived: &Archived,
        file: &Arc<ArchiveFile>,
        index: usize,
        position: Position,
    ) -> anyhow::Result<Bytes> {
        let read = self.shelf.frame(archived, file, index).await;
        read.map_err(|error| {
            let unreadable = self.shelf.unreadable(archived, &error);
            Unreadable { position, ..unreadable }.into()
        })
    }

    /// The archived events of a stream, in order.
    pub(crate) async fn archived_stream(
        &self,
        stream: Uuid,
        first: Position,
        last: Position,
    ) -> anyhow::Result<Vec<Row>> {
        self.shelf.refresh(&self.pool).await?;
        let mut rows = Vec::new();
        for archived in self.shelf.listed() {
            if archived.last >= first && archived.first <= last {
                self.rows_of_stream(&archived, stream, &mut rows).await?;
            }
        }
        Ok(rows)
    }

    async fn rows_of_stream(
        &self,
        archived: &Archived,
        stream: Uuid,
        found: &mut Vec<Row>,
    ) -> anyhow::Result<()> {
        let file = self.shelf.file(archived).await?;
        let index = Arc::clone(&file);
        let positions = tokio::task::spawn_blocking(move || index.positions(stream)).await?;
        let positions = positions.map_err(|error| self.shelf.unreadable(archived, &error))?;
        let mut at: Option<(usize, Rows, Position)> = None;
        for position in positions {
            let Some((frame, first)) = file.frame_of(position) else { continue };
            if at.as_ref().is_none_or(|(open, ..)| *open != frame) {
                let rows = self.frame_at(archived, &file, frame, position).await?;
                at = Some((frame, Rows(rows), first));
            }
            let Some((_, rows, next)) = &mut at else { continue };
            let skipped = usize::try_from(position - *next)?;
            if let Some(tuple) = rows.nth(skipped) {
                found.push(tuples::event(tuple?)?);
            }
            *next = position + 1;
        }
        Ok(())
    }
}
