//! Reading a file: frame by frame, each checked against its digest.

use std::{
    fs::File,
    io::Read,
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
};

use anyhow::{Context, anyhow, ensure};
use aws_lc_rs::digest;
use serde::de::DeserializeOwned;

use super::{Digest, Footer, Frame, MAGIC, MAX_RAW, Seal, TRAILER, sha256};
use crate::hex::hex;

/// A file that can be read in any order, by several at once. All of it blocks.
#[derive(Debug)]
pub(crate) struct Reader {
    path: PathBuf,
    file: File,
    header: Vec<u8>,
    pub footer: Footer,
    /// What the file says it is.
    pub seal: Seal,
}

impl Reader {
    /// Opens a file and reads what it says of itself.
    pub(crate) fn open(path: &Path) -> anyhow::Result<Self> {
        let file = File::open(path)?;
        let size = file.metadata()?.len();
        let smallest = MAGIC.len() as u64 + 8 + TRAILER;
        ensure!(size >= smallest, "it is cut off: it has {size} bytes");
        let [magic, length] = [0, 8].map(|offset| eight(&file, offset));
        ensure!(magic? == *MAGIC, "it is not a file of Annals");
        let header_end = 16_u64.checked_add(u64::from_be_bytes(length?));
        ensure!(header_end.is_some_and(|end| end <= size - TRAILER), "its header is damaged");
        let header = bytes(&file, 16, header_end.unwrap_or(16) - 16)?;
        let (offset, length) = (eight(&file, size - TRAILER)?, eight(&file, size - TRAILER + 8)?);
        let end: [u8; 8] = eight(&file, size - 8)?;
        ensure!(end == *MAGIC, "it is cut off or damaged at its end");
        let mut sum: Digest = [0; 32];
        file.read_exact_at(&mut sum, size - 40)?;
        let (offset, length) = (u64::from_be_bytes(offset), u64::from_be_bytes(length));
        ensure!(offset.checked_add(length) == Some(size - TRAILER), "its trailer is damaged");
        let footer = zstd::stream::decode_all(&bytes(&file, offset, length)?[..]);
        let footer = footer.context("its footer is damaged")?;
        let footer = serde_json::from_slice(&footer).context("its footer is damaged")?;
        let seal = Seal { size, sha256: sum };
        Ok(Self { path: path.to_owned(), file, header, footer, seal })
    }

    /// What was said of the file when it was begun.
    pub(crate) fn header<T: DeserializeOwned>(&self) -> anyhow::Result<T> {
        serde_json::from_slice(&self.header).context("its header is damaged")
    }

    /// The frames of a section, in order.
    pub(crate) fn section<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Frame> {
        self.footer.frames.iter().filter(move |frame| frame.section == name)
    }

    /// The rows of a frame as they were before compression.
    pub(crate) fn frame(&self, frame: &Frame) -> anyhow::Result<Vec<u8>> {
        ensure!(frame.raw <= MAX_RAW, "a frame of {} bytes", frame.raw);
        let compressed = bytes(&self.file, frame.offset, frame.length)
            .context("it is cut off or its footer is damaged")?;
        ensure!(hex(&sha256(&compressed)) == frame.sha256, "its bytes are not what was written");
        let raw = zstd::bulk::decompress(&compressed, usize::try_from(frame.raw)?)?;
        ensure!(raw.len() as u64 == frame.raw, "a frame of another length");
        Ok(raw)
    }

    /// Reads all of the file and says whether it is what it says it is.
    pub(crate) fn check(&self) -> anyhow::Result<()> {
        let mut file = File::open(&self.path)?.take(self.seal.size - 40);
        let mut sum = digest::Context::new(&digest::SHA256);
        let mut buffer = vec![0; 1 << 20];
        loop {
            let count = file.read(&mut buffer)?;
            if count == 0 {
                break;
            }
            sum.update(&buffer[..count]);
        }
        let found = sum.finish();
        ensure!(found.as_ref() == self.seal.sha256, "its bytes are not what was written");
        Ok(())
    }
}

fn eight(file: &File, offset: u64) -> anyhow::Result<[u8; 8]> {
    let mut number = [0; 8];
    file.read_exact_at(&mut number, offset)?;
    Ok(number)
}

fn bytes(file: &File, offset: u64, length: u64) -> anyhow::Result<Vec<u8>> {
    let left = file.metadata()?.len().saturating_sub(offset);
    ensure!(length <= left, "it is cut off");
    let length = usize::try_from(length).map_err(|_| anyhow!("it is too long"))?;
    let mut bytes = vec![0; length];
    file.read_exact_at(&mut bytes, offset)?;
    Ok(bytes)
}
