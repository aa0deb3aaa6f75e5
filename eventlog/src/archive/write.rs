//! Moving partitions to files, so that kill -9 at any moment loses nothing.
//!
//! 1. The file is written under another name, synced, read back and compared with the table.
//! 2. It gets its name, and the folder is synced.
//! 3. The catalogue says so, while the table is still there. Whatever happens from here on is
//!    finished by the next one who holds the lock.
//! 4. The partition is detached, without locking anybody out, and dropped.
//! 5. The catalogue says that the table is gone.

use std::path::Path;

use anyhow::{Context, ensure};
use aws_lc_rs::digest;
use futures_util::TryStreamExt;
use sqlx::PgConnection;
use tokio::task::spawn_blocking;

use super::{Archived, EVENTS, Header, KIND, STREAMS, catalogue, file::ArchiveFile, restore::Lock};
use crate::{
    EventLog, Position,
    container::{Digest, Sections},
    tuples::{self, Fields, Rows, Tuples},
};

/// What stays in the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// So many full partitions.
    Partitions(i64),
    /// Every partition with this position or a later one.
    From(Position),
}

/// A partition that may go.
#[derive(Clone, Copy, Debug)]
struct Part {
    number: i64,
    first: Position,
    last: Position,
}

impl Part {
    fn new(number: i64, size: i64) -> Self {
        // Positions begin at 1.
        let (first, last) = ((number * size).max(1), (number + 1) * size - 1);
        Self { number, first, last }
    }

    fn file(&self) -> String {
        format!("event_{:06}.annals", self.number)
    }
}

impl EventLog {
    /// Moves full and sealed partitions to files, the oldest first; `progress` hears what was done.
    pub async fn archive(
        &self,
        keep: Keep,
        mut progress: impl FnMut(String),
    ) -> anyhow::Result<Vec<Archived>> {
        let folder = self.shelf.folder()?.clone();
        let mut lock = Lock::take(&self.pool).await?;
        tidy(&folder)?;
        self.finish_moves(&mut lock.db, &mut progress).await?;
        let mut moved = Vec::new();
        for part in self.movable(&mut lock.db, keep).await? {
            let archived = self.write(&mut lock.db, &folder, part, &mut progress).await?;
            let epoch = self.epoch().await?;
            catalogue::insert(&mut lock.db, &archived, epoch).await?;
            progress(format!("{}: listed", archived.file));
            self.finish_moves(&mut lock.db, &mut progress).await?;
            metrics::counter!("annals_archived_partitions_total").increment(1);
            moved.push(archived);
        }
        lock.release().await?;
        Ok(moved)
    }

    /// Finishes what was cut off when partitions were moved, unless somebody is at it.
    pub async fn finish_archiving(&self) -> anyhow::Result<()> {
        let Some(mut lock) = Lock::try_take(&self.pool).await? else { return Ok(()) };
        let say = |step: String| tracing::info!(step, "finishing an archive that was cut off");
        self.finish_moves(&mut lock.db, say).await?;
        lock.release().await
    }

    /// The partitions that are full and sealed, without those to keep.
    async fn movable(&self, db: &mut PgConnection, keep: Keep) -> anyhow::Result<Vec<Part>> {
        let size = catalogue::partition_size(&mut *db).await?;
        let listed = catalogue::list(&mut *db).await?;
        let next = listed.last().map_or(0, |archived| archived.part + 1);
        // What is not sealed could still be changed without anybody noticing.
        let full = (self.seal_now().await?.size + 1) / size;
        let end = match keep {
            Keep::Partitions(count) => full - count,
            Keep::From(position) => full.min(position / size),
        };
        Ok((next..end).map(|number| Part::new(number, size)).collect())
    }

    /// Writes the file of a partition, and reads it back.
    async fn write(
        &self,
        db: &mut PgConnection,
        folder: &Path,
        part: Part,
        mut progress: impl FnMut(String),
    ) -> anyhow::Result<Archived> {
        let file = part.file();
        progress(format!("{file}: writing positions {} to {}", part.first, part.last));
        let header = self.header(part).await?;
        let mut sections = Sections::create(&folder.join(&file), &header)?;
        let sum = copy_events(db, &mut sections, part).await?;
        copy_streams(db, &mut sections, part).await?;
        let draft = sections.finish().await?;
        progress(format!("{file}: written"));
        let path = draft.place.clone();
        spawn_blocking(move || read_back(&path, part, sum))
            .await?
            .with_context(|| format!("reading {file} back"))?;
        let seal = spawn_blocking(|| draft.publish()).await??;
        progress(format!("{file}: verified, {} bytes", seal.size));
        let (first, last, size) = (part.first, part.last, i64::try_from(seal.size)?);
        Ok(Archived { part: part.number, first, last, file, size, sha256: seal.sha256 })
    }

    async fn header(&self, part: Part) -> anyhow::Result<Header> {
        let types = sqlx::query!("select type_id, name, schema_version from log.event_type")
            .fetch_all(&self.pool)
            .await?;
        Ok(Header {
            kind: KIND.to_owned(),
            part: part.number,
            first_position: part.first,
            last_position: part.last,
            epoch: self.epoch().await?,
            columns: tuples::EVENT.to_owned(),
            types: types.into_iter().map(|it| (it.type_id, it.name, it.schema_version)).collect(),
        })
    }

    /// Takes the tables away whose files are in the catalogue.
    pub(crate) async fn finish_moves(
        &self,
        db: &mut PgConnection,
        mut progress: impl FnMut(String),
    ) -> anyhow::Result<()> {
        for archived in catalogue::list(&mut *db).await? {
            if !catalogue::unfinished(db).await?.contains(&archived.part) {
                continue;
            }
            self.shelf.refresh(&self.pool).await?;
            let file = self.shelf.file(&archived).await?;
            spawn_blocking(move || file.reader().check())
                .await?
                .map_err(|error| self.shelf.unreadable(&archived, &error))?;
            super::restore::drop_partition(db, archived.part).await?;
            progress(format!("{}: table dropped", archived.file));
            catalogue::moved(db, archived.part).await?;
            progress(format!("{}: done", archived.file));
        }
        Ok(())
    }
}

/// Copies the events in order; answers a digest of their rows.
async fn copy_events(
    db: &mut PgConnection,
    sections: &mut Sections,
    part: Part,
) -> anyhow::Result<Digest> {
    sections.section(EVENTS).await?;
    let statement = format!(
        "copy (select {} from log.event where position between {} and {} order by position) \
        to stdout (format binary)",
        tuples::EVENT,
        part.first,
        part.last,
    );
    let mut sum = digest::Context::new(&digest::SHA256);
    let mut next = part.first;
    let mut rows = Tuples::default();
    let mut pieces = db.copy_out_raw(&statement).await.context("copying events")?;
    while let Some(piece) = pieces.try_next().await? {
        rows.push(&piece);
        while let Some(tuple) = rows.next()? {
            let position = tuples::position(&tuple)?;
            ensure!(position == next, "position {next} is missing; nothing was moved");
            sum.update(&tuple);
            sections.row(&tuple, || position.to_string()).await?;
            next += 1;
        }
    }
    rows.finish()?;
    ensure!(next == part.last + 1, "position {next} is missing; nothing was moved");
    finished(sum)
}

/// Copies where the events of each stream are.
async fn copy_streams(
    db: &mut PgConnection,
    sections: &mut Sections,
    part: Part,
) -> anyhow::Result<()> {
    sections.section(STREAMS).await?;
    let statement = format!(
        "copy (select stream_id, position from log.event where position between {} and {} \
        order by stream_id, version) to stdout (format binary)",
        part.first, part.last,
    );
    let mut rows = Tuples::default();
    let mut pieces = db.copy_out_raw(&statement).await.context("copying streams")?;
    while let Some(piece) = pieces.try_next().await? {
        rows.push(&piece);
        while let Some(tuple) = rows.next()? {
            let stream = Fields::of(tuple.clone())?.uuid()?;
            sections.row(&tuple, || stream.to_string()).await?;
        }
    }
    rows.finish()
}

/// Whether a file holds what the table holds. Blocks.
fn read_back(path: &Path, part: Part, expected: Digest) -> anyhow::Result<()> {
    let file = ArchiveFile::open_any(path)?;
    file.reader().check()?;
    let mut sum = digest::Context::new(&digest::SHA256);
    let mut next = part.first;
    for index in 0..file.frames() {
        for tuple in Rows(file.events(index)?) {
            let tuple = tuple?;
            ensure!(tuples::event(tuple.clone())?.position == next, "position {next} is missing");
            sum.update(&tuple);
            next += 1;
        }
    }
    ensure!(next == part.last + 1, "position {next} is missing");
    ensure!(finished(sum)? == expected, "the file is not what the table holds");
    Ok(())
}

fn finished(sum: digest::Context) -> anyhow::Result<Digest> {
    sum.finish().as_ref().try_into().context("a digest of another length")
}

/// Removes what was cut off. Only whoever holds the lock writes here.
fn tidy(folder: &Path) -> anyhow::Result<()> {
    let making = || format!("making {} (ANNALS_ARCHIVE_DIR)", folder.display());
    std::fs::create_dir_all(folder).with_context(making)?;
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if name.starts_with(".event_") && name.ends_with(".draft") {
            std::fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}
