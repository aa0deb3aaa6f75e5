//! Opening a backup: are its files all there, whole, and of one another?

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, bail, ensure};

use super::{ARCHIVE, ArchivePart, FORMAT, Header, KEYS, LOG, MANIFEST, Manifest, Part, write};
use crate::{
    MasterKey,
    container::Reader,
    hex::hex,
    tuples::{Fields, Rows},
};

/// A backup whose files are whole.
pub struct Backup {
    folder: PathBuf,
    manifest: Manifest,
    pub(super) log: BackupFile,
    pub(super) keys: Option<BackupFile>,
}

/// One of its files.
pub(super) struct BackupFile {
    pub reader: Reader,
    pub header: Header,
}

impl Backup {
    /// Opens the backup in a folder and reads all of it once. `keys` is the file of the keys, where it
    /// is not in the folder; without keys nobody's personal data can be read any more. Blocks.
    pub fn open(folder: &Path, keys: Option<&Path>, is_without_keys: bool) -> anyhow::Result<Self> {
        let path = folder.join(MANIFEST);
        let text = fs::read(&path).with_context(|| {
            format!("{}: there is no whole backup without its manifest", path.display())
        })?;
        let manifest: Manifest = serde_json::from_slice(&text)
            .with_context(|| format!("{} is not a manifest", path.display()))?;
        ensure!(manifest.format == FORMAT, "a backup of form {}", manifest.format);
        let log = BackupFile::open(&folder.join(LOG), &manifest, &manifest.log, "log")?;
        let keys = if is_without_keys {
            None
        } else {
            let usual = folder.join(KEYS);
            let path = keys.unwrap_or(&usual);
            Some(BackupFile::open(path, &manifest, &manifest.keys, "keys")?)
        };
        Ok(Self { folder: folder.to_owned(), manifest, log, keys })
    }

    /// What it holds.
    #[must_use]
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Checks that a master key opens the keys, before anything is changed. Blocks.
    pub fn opens_with(&self, master: &MasterKey) -> anyhow::Result<()> {
        let Some(keys) = &self.keys else { return Ok(()) };
        for (name, wrapped) in keys.service_keys()? {
            let other = || {
                format!(
                    "this is not the master key that key {name:?} of the backup is wrapped with"
                )
            };
            master.unwrap(&wrapped, name.as_bytes()).with_context(other)?.with_context(other)?;
        }
        Ok(())
    }

    /// Brings the archive files that the log consists of into their folder, or names what is missing.
    pub async fn bring_archives(
        &self,
        folder: &Path,
        mut progress: impl FnMut(String),
    ) -> anyhow::Result<()> {
        for archive in &self.manifest.archives {
            let (from, to) = (self.folder.join(ARCHIVE), folder.join(&archive.part.file));
            if archive.is_included {
                write::copy_file(from.join(&archive.part.file), to.clone()).await?;
            }
            let wanted = archive.clone();
            tokio::task::spawn_blocking(move || check_archive(&to, &wanted)).await??;
            progress(format!("{}: whole", archive.part.file));
        }
        Ok(())
    }
}

impl BackupFile {
    fn open(path: &Path, manifest: &Manifest, part: &Part, kind: &str) -> anyhow::Result<Self> {
        let opened = Reader::open(path).and_then(|reader| {
            reader.check()?;
            Ok((reader.header::<Header>()?, reader))
        });
        let (header, reader) =
            opened.with_context(|| format!("the file of the {kind}, {}", path.display()))?;
        ensure!(header.kind == kind, "{} is not a file of {kind}", path.display());
        if header.id != manifest.id || hex(&reader.seal.sha256) != part.sha256 {
            bail!("{} is of another backup: its {kind} do not fit", path.display());
        }
        Ok(Self { reader, header })
    }

    /// The wrapped keys of the service itself, by name.
    fn service_keys(&self) -> anyhow::Result<Vec<(String, Vec<u8>)>> {
        let table = self.header.tables.iter().find(|table| table.name == "vault.service_key");
        let columns: Vec<&str> = table.context("it has no keys")?.columns.split(", ").collect();
        let place = |wanted| columns.iter().position(|column| *column == wanted);
        let (name, wrapped) = place("name").zip(place("wrapped_key")).context("other keys")?;
        let mut keys = Vec::new();
        for frame in self.reader.section("vault.service_key") {
            for tuple in Rows(self.reader.frame(frame)?.into()) {
                let mut fields = Fields::of(tuple?)?;
                let row: Vec<_> =
                    (0..columns.len()).map(|_| fields.bytes()).collect::<Result<_, _>>()?;
                keys.push((String::from_utf8(row[name].to_vec())?, row[wrapped].to_vec()));
            }
        }
        Ok(keys)
    }
}

fn check_archive(path: &Path, wanted: &ArchivePart) -> anyhow::Result<()> {
    let found = Reader::open(path).and_then(|reader| {
        let is_it = hex(&reader.seal.sha256) == wanted.part.sha256;
        ensure!(is_it, "it is not the file that was archived");
        reader.check()
    });
    found.with_context(|| {
        format!(
            "positions {} to {} are in the archive file {}, which is needed",
            wanted.first,
            wanted.last,
            path.display()
        )
    })
}
