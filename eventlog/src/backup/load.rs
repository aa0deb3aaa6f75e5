//! Loading a backup into an empty database, wholly or not at all.

use anyhow::{Context, ensure};
use sqlx::{AssertSqlSafe, PgConnection, PgPool, raw_sql};

use super::{Backup, Table, open::BackupFile};
use crate::{
    Position,
    archive::{Archived, catalogue},
    tuples::{HEADER, TRAILER},
};

/// What means nothing without the keys of the service: keyed hashes, and what it signed.
const KEYED: [&str; 3] = ["log.claim", "log.seal", "log.tree_node"];
/// Tables that are loaded in a place of their own.
const LATER: [&str; 2] = ["log.head", "log.event"];

impl Backup {
    /// Whether nothing would be lost: there is no log yet, or one without events and people.
    pub async fn fits_into(pool: &PgPool) -> anyhow::Result<bool> {
        is_empty(pool).await
    }

    /// Loads it into a database that has its migrations and is empty, wholly or not at all; the epoch
    /// is the next one.
    pub async fn load(
        &self,
        pool: &PgPool,
        mut progress: impl FnMut(String),
    ) -> anyhow::Result<()> {
        ensure!(is_empty(pool).await?, "the database is not empty");
        let mut transaction = pool.begin().await?;
        let mut load = Load { db: &mut transaction, progress: &mut progress };
        load.all(self).await?;
        transaction.commit().await.context("committing all that was loaded")
    }
}

async fn is_empty(pool: &PgPool) -> anyhow::Result<bool> {
    let is_there =
        sqlx::query_scalar!(r#"select to_regclass('log.head') is not null as "is_there!""#)
            .fetch_one(pool)
            .await?;
    if !is_there {
        return Ok(true);
    }
    let is_used = sqlx::query_scalar!(
        r#"select exists (select from log.head where position > 0)
            or exists (select from vault.subject_key) as "is_used!""#
    );
    Ok(!is_used.fetch_one(pool).await?)
}

struct Load<'a, F> {
    db: &'a mut PgConnection,
    progress: F,
}

impl<F: FnMut(String)> Load<'_, F> {
    async fn all(&mut self, backup: &Backup) -> anyhow::Result<()> {
        let manifest = backup.manifest();
        self.empty(backup).await?;
        for table in &backup.log.header.tables {
            let is_void = backup.keys.is_none() && KEYED.contains(&table.name.as_str());
            if !is_void && !LATER.contains(&table.name.as_str()) {
                self.table(&backup.log, table).await?;
            }
        }
        match &backup.keys {
            Some(keys) => {
                for table in &keys.header.tables {
                    self.table(keys, table).await?;
                }
            }
            None => self.forget_keys(manifest.position).await?,
        }
        self.catalogue(backup).await?;
        // The head still says 0, so that all partitions are made.
        sqlx::query!("select log.make_partitions($1)", manifest.position)
            .execute(&mut *self.db)
            .await?;
        for name in ["log.event", "log.head"] {
            let table = backup.log.header.tables.iter().find(|table| table.name == name);
            if name == "log.head" {
                execute(self.db, "delete from log.head").await?;
            }
            self.table(&backup.log, table.context("it holds no log")?).await?;
        }
        self.finish().await
    }

    /// Takes away what migrations put there.
    async fn empty(&mut self, backup: &Backup) -> anyhow::Result<()> {
        let parts = sqlx::query_scalar!(
            r#"select inhrelid::regclass::text as "name!" from pg_inherits
            where inhparent = 'log.event'::regclass"#
        )
        .fetch_all(&mut *self.db)
        .await?;
        for part in parts {
            execute(self.db, &format!("drop table {part}")).await?;
        }
        let files = [Some(&backup.log), backup.keys.as_ref()];
        for table in files.into_iter().flatten().flat_map(|file| file.header.tables.iter().rev()) {
            if !LATER.contains(&table.name.as_str()) {
                execute(self.db, &format!("delete from {}", table.name)).await?;
            }
        }
        execute(self.db, "delete from read.projection").await?;
        Ok(())
    }

    async fn table(&mut self, file: &BackupFile, table: &Table) -> anyhow::Result<()> {
        let Table { name, columns } = table;
        let statement = format!("copy {name} ({columns}) from stdin (format binary)");
        let loading = || format!("loading {name}");
        let frames: Vec<_> = file.reader.section(name).collect();
        let mut copy = self.db.copy_in_raw(&statement).await.with_context(loading)?;
        copy.send(HEADER).await?;
        let mut rows = 0;
        for (number, frame) in (1_u64..).zip(frames) {
            copy.send(file.reader.frame(frame)?).await.with_context(loading)?;
            rows += frame.rows;
            if number.is_multiple_of(64) {
                (self.progress)(format!("{name}: {rows} rows so far"));
            }
        }
        copy.send(TRAILER).await?;
        let loaded = copy.finish().await.with_context(loading)?;
        ensure!(loaded == rows, "{name}: {loaded} rows were loaded, not {rows}");
        (self.progress)(format!("{name}: {rows} rows"));
        Ok(())
    }

    /// What was written under keys that are gone is proved by nothing but the tree.
    async fn forget_keys(&mut self, position: Position) -> anyhow::Result<()> {
        sqlx::query!("update log.layout set mac_from = $1 where log_id = 1", position + 1)
            .execute(&mut *self.db)
            .await?;
        Ok(())
    }

    async fn catalogue(&mut self, backup: &Backup) -> anyhow::Result<()> {
        let size = catalogue::partition_size(&mut *self.db).await?;
        for archive in &backup.manifest().archives {
            let archived = Archived {
                part: archive.first / size,
                first: archive.first,
                last: archive.last,
                file: archive.part.file.clone(),
                size: i64::try_from(archive.part.size)?,
                sha256: crate::container::from_hex(&archive.part.sha256)?,
            };
            catalogue::insert(self.db, &archived, backup.manifest().epoch).await?;
            catalogue::moved(self.db, archived.part).await?;
        }
        Ok(())
    }

    /// The next epoch, room for what follows, and numbers that go on where they were.
    async fn finish(&mut self) -> anyhow::Result<()> {
        sqlx::query!("update log.head set epoch = epoch + 1 where log_id = 1")
            .execute(&mut *self.db)
            .await?;
        sqlx::query!("select log.make_room(position, 0) from log.head where log_id = 1")
            .fetch_one(&mut *self.db)
            .await?;
        let numbered = sqlx::query!(
            r#"select format('%s.%s', n.nspname, c.relname) as "table!", a.attname as "column!"
            from pg_attribute a join pg_class c on c.oid = a.attrelid
                join pg_namespace n on n.oid = c.relnamespace
            where n.nspname in ('log', 'vault', 'work') and a.attnum > 0 and not c.relispartition
                and pg_get_serial_sequence(format('%s.%s', n.nspname, c.relname), a.attname) is not null"#
        )
        .fetch_all(&mut *self.db)
        .await?;
        for row in numbered {
            let (table, column) = (row.table, row.column);
            let statement = format!(
                "select setval(pg_get_serial_sequence('{table}', '{column}'), \
                coalesce(max({column}), 0) + 1, false) from {table}"
            );
            execute(self.db, &statement).await?;
        }
        Ok(())
    }
}

/// All names in these statements are those of tables and columns of ours.
async fn execute(db: &mut PgConnection, statement: &str) -> sqlx::Result<()> {
    raw_sql(AssertSqlSafe(statement.to_owned())).execute(db).await?;
    Ok(())
}
