//! Making a backup while the program runs.

use std::{
    fs::{self, DirBuilder, File},
    io::Write,
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
};

use anyhow::{Context, ensure};
use futures_util::TryStreamExt;
use sqlx::{Executor, PgConnection};
use tokio::task::spawn_blocking;
use uuid::Uuid;

use super::{
    ARCHIVE, ArchivePart, FORMAT, Header, KEYS, LOG, MANIFEST, Manifest, Part, Table, tables,
};
use crate::{
    EventLog, TreeHead,
    archive::{Archived, Lock, catalogue},
    container::{Seal, Sections},
    hex::hex,
    tuples::Tuples,
};

/// After how many rows of a table a word is said.
const WORD: u64 = 250_000;

/// Where a backup goes.
#[derive(Clone, Debug)]
pub struct BackupPlan {
    /// A folder that is empty or not there yet.
    pub folder: PathBuf,
    /// The file for the keys, if they are to be kept elsewhere.
    pub keys: Option<PathBuf>,
    /// Whether archive files are copied, too.
    pub with_archives: bool,
}

impl EventLog {
    /// Writes everything that the log consists of, as it is at one moment.
    pub async fn backup(
        &self,
        plan: &BackupPlan,
        mut progress: impl FnMut(String),
    ) -> anyhow::Result<Manifest> {
        make_empty(&plan.folder)?;
        let keys = plan.keys.clone().unwrap_or_else(|| plan.folder.join(KEYS));
        ensure!(!keys.exists(), "{} is there already", keys.display());
        // Nothing moves to archive files meanwhile.
        let mut lock = Lock::take(self.pool()).await?;
        self.finish_moves(&mut lock.db, &mut progress).await?;
        let tree_head = self.seal_now().await?;
        lock.db.execute("begin isolation level repeatable read read only").await?;
        let id = Uuid::new_v4();
        let mut manifest = describe(&mut lock.db, id, tree_head).await?;
        progress(format!("the log stands at position {}", manifest.position));
        let mut copy = Copy { db: &mut lock.db, id, progress: &mut progress };
        manifest.log = copy.file("log", &["log", "work"], &plan.folder.join(LOG)).await?;
        manifest.keys = copy.file("keys", &["vault"], &keys).await?;
        let archived = catalogue::list(&mut lock.db).await?;
        lock.db.execute("commit").await?;
        manifest.archives = self.copy_archives(plan, &archived, &mut progress).await?;
        write_manifest(&plan.folder, &manifest)?;
        lock.release().await?;
        Ok(manifest)
    }

    async fn copy_archives(
        &self,
        plan: &BackupPlan,
        archived: &[Archived],
        mut progress: impl FnMut(String),
    ) -> anyhow::Result<Vec<ArchivePart>> {
        let mut parts = Vec::new();
        for one in archived {
            if plan.with_archives {
                let from = self.archive_folder()?.join(&one.file);
                copy_file(from, plan.folder.join(ARCHIVE).join(&one.file)).await?;
                progress(format!("{}: copied", one.file));
            }
            let seal = Seal { size: u64::try_from(one.size)?, sha256: one.sha256 };
            parts.push(ArchivePart {
                first: one.first,
                last: one.last,
                part: Part::new(one.file.clone(), seal),
                is_included: plan.with_archives,
            });
        }
        Ok(parts)
    }
}

impl Part {
    fn new(file: String, seal: Seal) -> Self {
        Self { file, size: seal.size, sha256: hex(&seal.sha256) }
    }
}

/// What there is, in the snapshot of this connection.
async fn describe(
    db: &mut PgConnection,
    id: Uuid,
    tree_head: TreeHead,
) -> anyhow::Result<Manifest> {
    let head = sqlx::query!(
        r#"select position, epoch, clock_timestamp() as "now!" from log.head where log_id = 1"#
    )
    .fetch_one(&mut *db)
    .await
    .context("reading the head of the log")?;
    // The table of migrations is not one of ours, and not there when queries are checked.
    let migration = sqlx::query_scalar("select max(version) from _sqlx_migrations");
    let none = || Part { file: String::new(), size: 0, sha256: String::new() };
    Ok(Manifest {
        format: FORMAT,
        id,
        created_at: head.now,
        migration: migration.fetch_one(db).await.context("reading the last migration")?,
        position: head.position,
        epoch: head.epoch,
        tree_head,
        log: none(),
        keys: none(),
        archives: vec![],
    })
}

/// Copies tables into files.
struct Copy<'a, F> {
    db: &'a mut PgConnection,
    id: Uuid,
    progress: F,
}

impl<F: FnMut(String)> Copy<'_, F> {
    async fn file(&mut self, kind: &str, schemas: &[&str], path: &Path) -> anyhow::Result<Part> {
        let tables = tables::of_schemas(self.db, schemas).await?;
        let header = Header { kind: kind.to_owned(), id: self.id, tables };
        let mut sections = Sections::create(path, &header)?;
        for table in &header.tables {
            let rows = self.table(&mut sections, table).await?;
            (self.progress)(format!("{}: {rows} rows", table.name));
        }
        let draft = sections.finish().await?;
        let seal = spawn_blocking(|| draft.publish()).await??;
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        Ok(Part::new(name, seal))
    }

    async fn table(&mut self, sections: &mut Sections, table: &Table) -> anyhow::Result<u64> {
        sections.section(&table.name).await?;
        let order = if table.name == "log.event" { " order by position" } else { "" };
        let statement = format!(
            "copy (select {} from {}{order}) to stdout (format binary)",
            table.columns, table.name,
        );
        let mut rows = Tuples::default();
        let mut count = 0_u64;
        let mut pieces = self.db.copy_out_raw(&statement).await?;
        while let Some(piece) = pieces.try_next().await? {
            rows.push(&piece);
            while let Some(tuple) = rows.next()? {
                count += 1;
                sections.row(&tuple, || count.to_string()).await?;
                if count.is_multiple_of(WORD) {
                    (self.progress)(format!("{}: {count} rows so far", table.name));
                }
            }
        }
        rows.finish().with_context(|| format!("copying {}", table.name))?;
        Ok(count)
    }
}

fn make_empty(folder: &Path) -> anyhow::Result<()> {
    let making = || format!("making {}", folder.display());
    DirBuilder::new().recursive(true).mode(0o700).create(folder).with_context(making)?;
    let is_empty = fs::read_dir(folder).with_context(making)?.next().is_none();
    ensure!(is_empty, "{} is not empty", folder.display());
    Ok(())
}

/// The manifest is what makes a backup of the files: it comes last, whole, and durably.
fn write_manifest(folder: &Path, manifest: &Manifest) -> anyhow::Result<()> {
    let draft = folder.join(".manifest.draft");
    let mut file = File::create(&draft)?;
    file.write_all(&serde_json::to_vec_pretty(manifest)?)?;
    file.sync_all()?;
    fs::rename(&draft, folder.join(MANIFEST))?;
    File::open(folder)?.sync_all().context("waiting for the disk")
}

/// Copies a file durably, unless it is there.
pub(super) async fn copy_file(from: PathBuf, to: PathBuf) -> anyhow::Result<()> {
    let copying = format!("copying {}", from.display());
    let copied = spawn_blocking(move || {
        if to.exists() {
            return Ok(());
        }
        let folder = to.parent().context("a file stands in a folder")?;
        fs::create_dir_all(folder)?;
        let draft = to.with_extension("draft");
        fs::copy(&from, &draft)?;
        File::open(&draft)?.sync_all()?;
        fs::rename(&draft, &to)?;
        File::open(folder)?.sync_all()?;
        anyhow::Ok(())
    });
    copied.await?.context(copying)
}
