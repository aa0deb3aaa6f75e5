//! The lock of whoever moves partitions, taking their tables away, and bringing them back.

use anyhow::{Context, bail, ensure};
use sqlx::{AssertSqlSafe, Connection, PgConnection, PgPool, raw_sql};

use super::{Archived, catalogue, file::ArchiveFile};
use crate::{
    EventLog,
    tuples::{EVENT, HEADER, TRAILER},
};

/// The right to move partitions, or to keep them from being moved; it ends with its connection.
pub(crate) struct Lock {
    pub(crate) db: PgConnection,
}

impl Lock {
    /// Takes it, or says that another one has it.
    pub(crate) async fn take(pool: &PgPool) -> anyhow::Result<Self> {
        let lock = Self::try_take(pool).await?;
        lock.context("another archive, backup or restore is under way")
    }

    /// Takes it unless another one has it.
    pub(crate) async fn try_take(pool: &PgPool) -> anyhow::Result<Option<Self>> {
        let mut db = PgConnection::connect_with(&pool.connect_options()).await?;
        // A process that was killed must not hold the lock for longer than it takes to notice.
        sqlx::query!("set client_connection_check_interval = '1s'").execute(&mut db).await?;
        let is_taken = sqlx::query_scalar!(
            r#"select pg_try_advisory_lock(hashtextextended('log.archive', 0)) as "is_taken!""#
        )
        .fetch_one(&mut db)
        .await?;
        Ok(is_taken.then_some(Self { db }))
    }

    /// Gives it back.
    pub(crate) async fn release(self) -> anyhow::Result<()> {
        Ok(self.db.close().await?)
    }
}

/// Detaches the table of a part and drops it, however far that went before.
pub(super) async fn drop_partition(db: &mut PgConnection, part: i64) -> anyhow::Result<()> {
    let name = name(part);
    let is_pending = sqlx::query_scalar!(
        r#"select inhdetachpending as "is_pending!" from pg_inherits
        where inhrelid = to_regclass($1) and inhparent = 'log.event'::regclass"#,
        name,
    )
    .fetch_optional(&mut *db)
    .await?;
    // It waits for those who read the table now, and nobody waits for it.
    let how = match is_pending {
        Some(true) => Some("finalize"),
        Some(false) => Some("concurrently"),
        None => None,
    };
    if let Some(how) = how {
        execute(db, format!("alter table log.event detach partition {name} {how}"))
            .await
            .with_context(|| format!("detaching {name}"))?;
    }
    execute(db, format!("drop table if exists {name}")).await?;
    Ok(())
}

impl EventLog {
    /// Brings a part back into the table, and those after it: what is archived stays a prefix of the
    /// log. The files stay where they are.
    pub async fn restore_partitions(
        &self,
        from: i64,
        mut progress: impl FnMut(String),
    ) -> anyhow::Result<Vec<Archived>> {
        let mut lock = Lock::take(&self.pool).await?;
        let unfinished = catalogue::unfinished(&mut lock.db).await?;
        ensure!(unfinished.is_empty(), "an archive was cut off: run `annals log archive` first");
        let listed = catalogue::list(&mut lock.db).await?;
        if !listed.iter().any(|archived| archived.part == from) {
            bail!("partition {from} is not archived");
        }
        let mut restored = Vec::new();
        for archived in listed.into_iter().rev().filter(|archived| archived.part >= from) {
            progress(format!("{}: bringing back", archived.file));
            self.restore_partition(&mut lock.db, &archived).await?;
            progress(format!("{}: back in the table", archived.file));
            restored.push(archived);
        }
        lock.release().await?;
        self.shelf.refresh(&self.pool).await?;
        Ok(restored)
    }

    /// Brings one part back; readers find it in its file until it is in the table.
    async fn restore_partition(
        &self,
        db: &mut PgConnection,
        archived: &Archived,
    ) -> anyhow::Result<()> {
        let path = self.shelf.folder()?.join(&archived.file);
        let wanted = archived.clone();
        let opened = tokio::task::spawn_blocking(move || {
            let file = ArchiveFile::open(&path, &wanted)?;
            file.reader().check()?;
            anyhow::Ok(std::sync::Arc::new(file))
        });
        let file = opened.await?.map_err(|error| self.shelf.unreadable(archived, &error))?;
        let (part, size) = (archived.part, catalogue::partition_size(&mut *db).await?);
        let name = name(part);
        let mut transaction = db.begin().await?;
        for statement in [
            format!("create table {name} (like log.event including all)"),
            format!(
                "create trigger event_{part:06}_is_final before truncate on {name} \
                execute function log.refuse_change()"
            ),
        ] {
            execute(&mut transaction, statement).await?;
        }
        let statement = format!("copy {name} ({EVENT}) from stdin (format binary)");
        let mut copy = transaction.copy_in_raw(&statement).await?;
        copy.send(HEADER).await?;
        for index in 0..file.frames() {
            let frame = self.shelf.frame(archived, &file, index).await?;
            copy.send(frame).await?;
        }
        copy.send(TRAILER).await?;
        let rows = copy.finish().await?;
        let expected = archived.last - archived.first + 1;
        ensure!(i64::try_from(rows)? == expected, "{rows} events came back, not {expected}");
        let (low, high) = (part * size, (part + 1) * size);
        let attach = format!(
            "alter table log.event attach partition {name} for values from ({low}) to ({high})"
        );
        execute(&mut transaction, attach).await?;
        sqlx::query!("delete from log.archive where part = $1", part)
            .execute(&mut *transaction)
            .await?;
        Ok(transaction.commit().await?)
    }
}

/// The table of a part, as `log.partition_name` says.
fn name(part: i64) -> String {
    format!("log.event_{part:06}")
}

/// All names in these statements are made of numbers of ours.
async fn execute(db: &mut PgConnection, statement: String) -> sqlx::Result<()> {
    raw_sql(AssertSqlSafe(statement)).execute(db).await?;
    Ok(())
}
