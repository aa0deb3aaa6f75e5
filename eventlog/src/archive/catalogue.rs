//! The catalogue of archive files, `log.archive`, and the partitions beside it.

use anyhow::Context;
use chrono::{DateTime, Utc};
use serde::Serialize;
use sqlx::{PgConnection, PgExecutor, PgPool};

use crate::{EventLog, Position, container::Digest};

/// A part of the log that is archived.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Archived {
    /// Which part it is, from 0.
    pub part: i64,
    /// Its first position.
    pub first: Position,
    /// Its last position.
    pub last: Position,
    /// Its file, within the archive folder.
    pub file: String,
    /// Bytes of the file.
    pub size: i64,
    /// SHA-256 of the file without its end, as the file repeats it there.
    pub sha256: Digest,
}

/// Where a part of the log is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PartitionStatus {
    /// Which part it is, from 0.
    pub part: i64,
    /// Its first position.
    pub first: Position,
    /// The last position that fits into it.
    pub last: Position,
    /// Bytes of its table with indexes, or of its file.
    pub bytes: i64,
    /// The file that it was moved to.
    pub file: Option<String>,
    /// When it was moved.
    pub archived_at: Option<DateTime<Utc>>,
}

/// The archived parts, in order.
pub(crate) async fn list(db: impl PgExecutor<'_>) -> anyhow::Result<Vec<Archived>> {
    let rows = sqlx::query!(
        "select part, first_position, last_position, file, size, sha256 from log.archive
        order by part"
    )
    .fetch_all(db)
    .await
    .context("reading the catalogue of archives")?;
    rows.into_iter()
        .map(|row| {
            let sha256 = row.sha256.try_into().ok().context("a digest of another length")?;
            let (first, last) = (row.first_position, row.last_position);
            Ok(Archived { part: row.part, first, last, file: row.file, size: row.size, sha256 })
        })
        .collect()
}

/// Writes down that a file holds a part, whose table is still there.
pub(crate) async fn insert(
    db: &mut PgConnection,
    archived: &Archived,
    epoch: i64,
) -> sqlx::Result<()> {
    sqlx::query!(
        "insert into log.archive (part, first_position, last_position, file, size, sha256, epoch,
            is_moved, archived_at)
        values ($1, $2, $3, $4, $5, $6, $7, false, clock_timestamp())",
        archived.part,
        archived.first,
        archived.last,
        archived.file,
        archived.size,
        &archived.sha256[..],
        epoch,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// The parts whose tables were to go and may still be there.
pub(crate) async fn unfinished(db: &mut PgConnection) -> sqlx::Result<Vec<i64>> {
    sqlx::query_scalar!("select part from log.archive where not is_moved order by part")
        .fetch_all(db)
        .await
}

/// Writes down that the table of a part is gone.
pub(crate) async fn moved(db: &mut PgConnection, part: i64) -> sqlx::Result<()> {
    sqlx::query!("update log.archive set is_moved = true where part = $1", part)
        .execute(db)
        .await?;
    Ok(())
}

/// How many positions fit into a partition.
pub(crate) async fn partition_size(db: impl PgExecutor<'_>) -> sqlx::Result<i64> {
    sqlx::query_scalar!("select partition_size from log.layout where log_id = 1")
        .fetch_one(db)
        .await
}

impl EventLog {
    /// Chooses how many positions fit into a partition, before the first event; false when the log
    /// has events already and another size.
    pub async fn choose_partition_size(pool: &PgPool, size: i64) -> anyhow::Result<bool> {
        let is_chosen =
            sqlx::query_scalar!(r#"select log.choose_partition_size($1) as "is_chosen!""#, size,)
                .fetch_one(pool)
                .await;
        is_chosen.context("choosing the size of partitions")
    }

    /// Where every part of the log is, in order.
    pub async fn partitions(&self) -> anyhow::Result<Vec<PartitionStatus>> {
        let rows = sqlx::query_as!(
            PartitionStatus,
            r#"select a.part as "part!", a.first_position as "first!", a.last_position as "last!",
                a.size as "bytes!", a.file as "file?", a.archived_at as "archived_at?"
            from log.archive a
            union all
            select t.part, greatest(t.part * l.partition_size, 1), (t.part + 1) * l.partition_size - 1,
                pg_total_relation_size(t.oid), null, null
            from (select c.oid, substr(c.relname, 7)::bigint part from pg_inherits i
                join pg_class c on c.oid = i.inhrelid where i.inhparent = 'log.event'::regclass) t
                cross join log.layout l
            where not exists (select from log.archive a where a.part = t.part)
            order by 1"#
        )
        .fetch_all(&self.pool)
        .await?;
        Ok(rows)
    }
}
