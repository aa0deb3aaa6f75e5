//! One archive file, open for reading. All of it blocks.

use std::path::Path;

use anyhow::{Context, ensure};
use bytes::Bytes;
use uuid::Uuid;

use super::{Archived, EVENTS, Header, KIND, STREAMS};
use crate::{
    Position,
    container::{Frame, Reader},
    tuples::{self, Fields, Rows},
};

/// An open archive file.
#[derive(Debug)]
pub(super) struct ArchiveFile {
    reader: Reader,
    events: Vec<(Position, Frame)>,
    streams: Vec<(Uuid, Frame)>,
}

impl ArchiveFile {
    /// Opens the file of an archived part, and no other.
    pub(super) fn open(path: &Path, archived: &Archived) -> anyhow::Result<Self> {
        let file = Self::open_any(path)?;
        let seal = &file.reader.seal;
        ensure!(seal.sha256 == archived.sha256, "it is not the file that was written");
        Ok(file)
    }

    /// Opens an archive file, whichever it is.
    pub(super) fn open_any(path: &Path) -> anyhow::Result<Self> {
        let reader = Reader::open(path)?;
        let header: Header = reader.header()?;
        ensure!(header.kind == KIND, "it holds no events");
        ensure!(header.columns == tuples::EVENT, "its events have other columns");
        let event = |frame: &Frame| Ok((frame.first.parse()?, frame.clone()));
        let events = reader.section(EVENTS).map(event).collect::<anyhow::Result<_>>()?;
        let stream = |frame: &Frame| Ok((frame.first.parse()?, frame.clone()));
        let streams = reader.section(STREAMS).map(stream).collect::<anyhow::Result<_>>()?;
        Ok(Self { reader, events, streams })
    }

    /// What the whole file is known by.
    pub(super) fn reader(&self) -> &Reader {
        &self.reader
    }

    /// Which frame holds a position, and the first position in it.
    pub(super) fn frame_of(&self, position: Position) -> Option<(usize, Position)> {
        let after = self.events.partition_point(|(first, _)| *first <= position);
        let index = after.checked_sub(1)?;
        Some((index, self.events[index].0))
    }

    /// How many frames of events there are.
    pub(super) fn frames(&self) -> usize {
        self.events.len()
    }

    /// The rows of a frame of events.
    pub(super) fn events(&self, index: usize) -> anyhow::Result<Bytes> {
        let (_, frame) = self.events.get(index).context("no such frame")?;
        self.reader.frame(frame).map(Bytes::from)
    }

    /// Where the events of a stream are, in order.
    pub(super) fn positions(&self, stream: Uuid) -> anyhow::Result<Vec<Position>> {
        let from = self.streams.partition_point(|(first, _)| *first < stream).saturating_sub(1);
        let to = self.streams.partition_point(|(first, _)| *first <= stream);
        let mut positions = Vec::new();
        for (_, frame) in &self.streams[from..to.max(from)] {
            for tuple in Rows(self.reader.frame(frame)?.into()) {
                let mut fields = Fields::of(tuple?)?;
                if fields.uuid()? == stream {
                    positions.push(fields.i64()?);
                }
            }
        }
        Ok(positions)
    }
}
