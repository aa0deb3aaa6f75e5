//! Writing a file: under another name first, and durable before it gets its own.

use std::{
    fs::{self, File, OpenOptions},
    io::{BufWriter, Write},
    mem,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use anyhow::{Context, ensure};
use aws_lc_rs::digest;
use serde::Serialize;
use tokio::task::spawn_blocking;

use super::{Digest, Footer, Frame, MAGIC, MAX_RAW, Seal, sha256};
use crate::hex::hex;

/// How hard zstd tries: more takes longer and saves little.
const LEVEL: i32 = 3;
/// Rows of a frame at most.
const ROWS: u64 = 4096;
/// Bytes from which on a frame is full.
const FULL: usize = 4 << 20;

/// A file that is being written. All of it blocks.
struct Writer {
    path: PathBuf,
    draft: PathBuf,
    file: BufWriter<File>,
    sum: digest::Context,
    offset: u64,
    footer: Footer,
    compressor: zstd::bulk::Compressor<'static>,
}

impl Writer {
    /// Begins a file that will be called `path`.
    fn create(path: &Path, header: &impl Serialize) -> anyhow::Result<Self> {
        let draft = draft(path)?;
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(true).mode(0o600);
        let file = options.open(&draft).with_context(|| format!("making {}", draft.display()))?;
        let mut compressor = zstd::bulk::Compressor::new(LEVEL)?;
        compressor.set_parameter(zstd::zstd_safe::CParameter::ChecksumFlag(true))?;
        let mut writer = Self {
            path: path.to_owned(),
            draft,
            file: BufWriter::with_capacity(1 << 20, file),
            sum: digest::Context::new(&digest::SHA256),
            offset: 0,
            footer: Footer::default(),
            compressor,
        };
        let header = serde_json::to_vec(header)?;
        writer.put(MAGIC)?;
        writer.put(&(header.len() as u64).to_be_bytes())?;
        writer.put(&header)?;
        Ok(writer)
    }

    /// Adds a frame.
    fn frame(&mut self, section: &str, open: OpenFrame) -> anyhow::Result<()> {
        let raw = open.bytes.len() as u64;
        ensure!(raw <= MAX_RAW, "a frame of {raw} bytes; no more than {MAX_RAW} fit");
        let compressed = self.compressor.compress(&open.bytes).context("compressing")?;
        self.footer.frames.push(Frame {
            section: section.to_owned(),
            first: open.first,
            rows: open.rows,
            offset: self.offset,
            length: compressed.len() as u64,
            raw,
            sha256: hex(&sha256(&compressed)),
        });
        self.put(&compressed)
    }

    /// Ends the file and waits until the disk has it; it still has its other name.
    fn finish(mut self) -> anyhow::Result<Draft> {
        let footer = serde_json::to_vec(&self.footer)?;
        let compressed = self.compressor.compress(&footer)?;
        let offset = self.offset;
        self.put(&compressed)?;
        self.put(&offset.to_be_bytes())?;
        self.put(&(compressed.len() as u64).to_be_bytes())?;
        let mut sum: Digest = [0; 32];
        sum.copy_from_slice(self.sum.clone().finish().as_ref());
        self.file.write_all(&sum)?;
        self.file.write_all(MAGIC)?;
        self.file.flush()?;
        self.file.get_ref().sync_all().context("waiting for the disk")?;
        let size = self.offset + 32 + MAGIC.len() as u64;
        Ok(Draft { path: self.path, place: self.draft, seal: Seal { size, sha256: sum } })
    }

    fn put(&mut self, bytes: &[u8]) -> anyhow::Result<()> {
        self.file.write_all(bytes).with_context(|| format!("writing {}", self.draft.display()))?;
        self.sum.update(bytes);
        self.offset += bytes.len() as u64;
        Ok(())
    }
}

/// A whole file that does not have its name yet.
pub(crate) struct Draft {
    path: PathBuf,
    /// Where it is until then.
    pub place: PathBuf,
    pub seal: Seal,
}

impl Draft {
    /// Gives it its name, durably. Blocks.
    pub(crate) fn publish(self) -> anyhow::Result<Seal> {
        fs::rename(&self.place, &self.path)
            .with_context(|| format!("naming {}", self.path.display()))?;
        let folder = self.path.parent().context("a file stands in a folder")?;
        File::open(folder)?.sync_all().with_context(|| format!("syncing {}", folder.display()))?;
        Ok(self.seal)
    }
}

/// Rows that will be a frame.
#[derive(Default)]
struct OpenFrame {
    first: String,
    rows: u64,
    bytes: Vec<u8>,
}

/// Fills frames row by row; the disk's and the compressor's work is done elsewhere meanwhile.
pub(crate) struct Sections {
    writer: Option<Writer>,
    section: String,
    open: OpenFrame,
}

impl Sections {
    /// Begins a file that will be called `path`.
    pub(crate) fn create(path: &Path, header: &impl Serialize) -> anyhow::Result<Self> {
        let writer = Some(Writer::create(path, header)?);
        Ok(Self { writer, section: String::new(), open: OpenFrame::default() })
    }

    /// From now on rows belong to this section.
    pub(crate) async fn section(&mut self, name: &str) -> anyhow::Result<()> {
        self.flush().await?;
        name.clone_into(&mut self.section);
        Ok(())
    }

    /// Adds a row; `first` is asked what it is known by where it begins a frame.
    pub(crate) async fn row(
        &mut self,
        tuple: &[u8],
        first: impl FnOnce() -> String,
    ) -> anyhow::Result<()> {
        if self.open.rows == 0 {
            self.open.first = first();
        }
        self.open.rows += 1;
        self.open.bytes.extend_from_slice(tuple);
        if self.open.rows >= ROWS || self.open.bytes.len() >= FULL {
            self.flush().await?;
        }
        Ok(())
    }

    /// Ends the file; it does not have its name yet.
    pub(crate) async fn finish(mut self) -> anyhow::Result<Draft> {
        self.flush().await?;
        let writer = self.writer.take().context("a writer that failed")?;
        spawn_blocking(|| writer.finish()).await?
    }

    async fn flush(&mut self) -> anyhow::Result<()> {
        if self.open.rows == 0 {
            return Ok(());
        }
        let mut writer = self.writer.take().context("a writer that failed")?;
        let (section, open) = (self.section.clone(), mem::take(&mut self.open));
        let work = spawn_blocking(move || writer.frame(&section, open).map(|()| writer));
        self.writer = Some(work.await??);
        Ok(())
    }
}

/// The name a file has until it is whole.
fn draft(path: &Path) -> anyhow::Result<PathBuf> {
    let name = path.file_name().and_then(|name| name.to_str()).context("a file has a name")?;
    Ok(path.with_file_name(format!(".{name}.draft")))
}
