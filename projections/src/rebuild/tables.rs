//! The new tables beside the live ones. All names in these statements are constants of ours.

use sqlx::{AssertSqlSafe, PgConnection};

use super::RebuiltTable;
use crate::Projection;

/// The schema in which new tables wait.
pub(crate) fn new_schema(projection: Projection) -> String {
    format!("rebuild_{}", projection.name())
}

/// Makes empty tables, and has the connection find them before the live ones.
pub(crate) async fn create(db: &mut PgConnection, projection: Projection) -> sqlx::Result<()> {
    let schema = new_schema(projection);
    execute(db, format!("drop schema if exists {schema} cascade")).await?;
    execute(db, format!("create schema {schema}")).await?;
    for table in projection.tables() {
        let table = format!("create table {schema}.{table} (like public.{table} including all)");
        execute(db, table).await?;
    }
    execute(db, format!("set search_path = {schema}, public")).await?;
    execute(db, "set synchronous_commit = off".to_owned()).await?;
    // Plans are made while the tables are empty, and have to serve when they are full.
    execute(db, "set enable_seqscan = off".to_owned()).await
}

/// Tells the planner of the new rows: nobody else will before the change-over.
pub(crate) async fn analyze(db: &mut PgConnection, projection: Projection) -> sqlx::Result<()> {
    let schema = new_schema(projection);
    for table in projection.tables() {
        execute(db, format!("analyze {schema}.{table}")).await?;
    }
    Ok(())
}

/// Compares the new tables with the live ones, whatever the order of the rows.
pub(crate) async fn compare(
    db: &mut PgConnection,
    projection: Projection,
) -> sqlx::Result<Vec<RebuiltTable>> {
    let mut tables = Vec::new();
    for name in projection.tables() {
        let (rows, digest) = digest(db, &new_schema(projection), name).await?;
        let (rows_before, digest_before) = self::digest(db, "public", name).await?;
        let is_identical = (rows, digest) == (rows_before, digest_before);
        tables.push(RebuiltTable { name, rows, rows_before, is_identical });
    }
    Ok(tables)
}

async fn digest(
    db: &mut PgConnection,
    schema: &str,
    table: &str,
) -> sqlx::Result<(i64, Option<String>)> {
    let statement = format!(
        "select count(*), sum(hashtextextended(t::text, 0)::numeric)::text from {schema}.{table} t"
    );
    sqlx::query_as(AssertSqlSafe(statement)).fetch_one(db).await
}

/// Puts the new tables in the place of the live ones, and drops those.
pub(crate) async fn swap(db: &mut PgConnection, projection: Projection) -> sqlx::Result<()> {
    let new = new_schema(projection);
    let old = format!("old_{}", projection.name());
    let live: Vec<_> = projection.tables().iter().map(|table| format!("public.{table}")).collect();
    // All at once and in the order of the queries, so that nobody waits in a circle.
    execute(db, format!("lock table {} in access exclusive mode", live.join(", "))).await?;
    execute(db, format!("create schema {old}")).await?;
    for table in projection.tables() {
        execute(db, format!("alter table public.{table} set schema {old}")).await?;
        execute(db, format!("alter table {new}.{table} set schema public")).await?;
    }
    execute(db, format!("drop schema {old} cascade")).await?;
    execute(db, format!("drop schema {new}")).await
}

async fn execute(db: &mut PgConnection, statement: String) -> sqlx::Result<()> {
    sqlx::raw_sql(AssertSqlSafe(statement)).execute(db).await?;
    Ok(())
}
