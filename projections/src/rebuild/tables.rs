//! The tables of a projection's versions, each in a schema of its own. All names in these statements
//! are constants of ours.

use sqlx::{AssertSqlSafe, Connection, PgConnection};

use crate::Projection;

/// Which version of a projection beside the live one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Slot {
    /// The one that may become live.
    Next,
    /// The one that was.
    Old,
}

impl Slot {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Next => "next",
            Self::Old => "old",
        }
    }
}

/// The schema of a version's tables.
pub(crate) fn schema(projection: Projection, slot: Slot) -> String {
    format!("{}_{}", slot.name(), projection.name())
}

/// Has the connection find the tables of a version before the live ones.
pub(crate) async fn use_schema(db: &mut PgConnection, schema: &str) -> sqlx::Result<()> {
    execute(db, format!("set search_path = {schema}, public")).await
}

/// Makes empty tables with their keys; other indexes are cheaper when the rows are there.
pub(super) async fn create(db: &mut PgConnection, projection: Projection) -> sqlx::Result<()> {
    let schema = schema(projection, Slot::Next);
    execute(db, format!("create schema {schema}")).await?;
    for table in projection.tables() {
        let like = format!("like public.{table} including all excluding indexes");
        execute(db, format!("create table {schema}.{table} ({like})")).await?;
        let keys: Vec<(String, String)> = sqlx::query_as(AssertSqlSafe(format!(
            "select quote_ident(conname), pg_get_constraintdef(oid) from pg_constraint
            where conrelid = 'public.{table}'::regclass and contype in ('p', 'u')"
        )))
        .fetch_all(&mut *db)
        .await?;
        for (name, key) in keys {
            execute(db, format!("alter table {schema}.{table} add constraint {name} {key}"))
                .await?;
        }
    }
    Ok(())
}

/// Makes the other indexes of the live tables.
pub(super) async fn index(db: &mut PgConnection, projection: Projection) -> sqlx::Result<()> {
    let schema = schema(projection, Slot::Next);
    let mut transaction = db.begin().await?;
    // Definitions name the schemas of tables that are not found without.
    execute(&mut transaction, "set local search_path = pg_catalog".to_owned()).await?;
    for table in projection.tables() {
        let definitions: Vec<String> = sqlx::query_scalar(AssertSqlSafe(format!(
            "select replace(pg_get_indexdef(i.indexrelid), ' ON public.', ' ON {schema}.')
            from pg_index i where i.indrelid = 'public.{table}'::regclass
                and not exists (select from pg_constraint c where c.conindid = i.indexrelid
                    and c.conrelid = i.indrelid and c.contype in ('p', 'u'))"
        )))
        .fetch_all(&mut *transaction)
        .await?;
        for definition in definitions {
            execute(&mut transaction, definition).await?;
        }
    }
    transaction.commit().await
}

/// Tells the planner of the new rows: nobody else will before the change-over.
pub(super) async fn analyze(db: &mut PgConnection, projection: Projection) -> sqlx::Result<()> {
    let schema = schema(projection, Slot::Next);
    for table in projection.tables() {
        execute(db, format!("analyze {schema}.{table}")).await?;
    }
    Ok(())
}

/// The rows of a table and a digest of them, whatever their order.
pub(super) async fn digest(
    db: &mut PgConnection,
    schema: &str,
    table: &str,
) -> sqlx::Result<(i64, Option<String>)> {
    let statement = format!(
        "select count(*), sum(hashtextextended(t::text, 0)::numeric)::text from {schema}.{table} t"
    );
    sqlx::query_as(AssertSqlSafe(statement)).fetch_one(db).await
}

/// Whether a version's tables have the columns of the live ones: a migration may have changed these.
pub(super) async fn is_alike(db: &mut PgConnection, schema: &str) -> sqlx::Result<bool> {
    sqlx::query_scalar!(
        r#"with columns as (
            select table_schema as schema, table_name as name, array_agg(
                concat_ws(' ', column_name, udt_name, is_nullable) order by column_name) as columns
            from information_schema.columns where table_schema in ('public', $1)
            group by table_schema, table_name
        )
        select coalesce(bool_and(v.columns = l.columns), true) as "is_alike!"
        from columns v join columns l on l.schema = 'public' and l.name = v.name
        where v.schema = $1"#,
        schema,
    )
    .fetch_one(db)
    .await
}

/// Puts the tables of a version in the place of the live ones, which become the old version.
pub(super) async fn swap(
    db: &mut PgConnection,
    projection: Projection,
    slot: Slot,
) -> sqlx::Result<()> {
    let live: Vec<_> = projection.tables().iter().map(|table| format!("public.{table}")).collect();
    // All at once and in the order of the queries, so that nobody waits in a circle.
    execute(db, format!("lock table {} in access exclusive mode", live.join(", "))).await?;
    let (old, coming) = (schema(projection, Slot::Old), format!("swap_{}", projection.name()));
    execute(db, format!("alter schema {} rename to {coming}", schema(projection, slot))).await?;
    execute(db, format!("drop schema if exists {old} cascade")).await?;
    execute(db, format!("create schema {old}")).await?;
    for table in projection.tables() {
        execute(db, format!("alter table public.{table} set schema {old}")).await?;
        execute(db, format!("alter table {coming}.{table} set schema public")).await?;
    }
    execute(db, format!("drop schema {coming}")).await
}

/// Drops the tables of a version.
pub(super) async fn discard(
    db: &mut PgConnection,
    projection: Projection,
    slot: Slot,
) -> sqlx::Result<()> {
    execute(db, format!("drop schema if exists {} cascade", schema(projection, slot))).await
}

async fn execute(db: &mut PgConnection, statement: String) -> sqlx::Result<()> {
    sqlx::raw_sql(AssertSqlSafe(statement)).execute(db).await?;
    Ok(())
}
