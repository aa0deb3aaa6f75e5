//! Which tables a backup holds: all of the log, of the keys and of the workers, whatever they are.

use sqlx::PgConnection;

use super::Table;

/// What tells of running processes, of files, or of the last minutes, or is made anew from the log.
const PASSING: [&str; 4] = ["log.lease", "log.archive", "work.rate_limit", "work.snapshot"];

/// The tables of some schemas, each after those that it refers to.
pub(super) async fn of_schemas(
    db: &mut PgConnection,
    schemas: &[&str],
) -> sqlx::Result<Vec<Table>> {
    let schemas: Vec<String> = schemas.iter().map(|&schema| schema.to_owned()).collect();
    let passing: Vec<String> = PASSING.iter().map(|&table| table.to_owned()).collect();
    sqlx::query_as!(
        Table,
        r#"with recursive named as (
            select c.oid, n.nspname || '.' || c.relname as name
            from pg_class c join pg_namespace n on n.oid = c.relnamespace
            where n.nspname = any($1) and c.relkind in ('r', 'p') and not c.relispartition
                and n.nspname || '.' || c.relname !~ '^log\.event_[0-9]+$'
        ), depth(oid, depth) as (
            select oid, 0 from named
            union
            select k.conrelid, d.depth + 1 from depth d
                join pg_constraint k on k.confrelid = d.oid and k.contype = 'f' and k.conrelid <> d.oid
            where d.depth < 16
        )
        select t.name as "name!", (
            select string_agg(quote_ident(a.attname), ', ' order by a.attnum) from pg_attribute a
            where a.attrelid = t.oid and a.attnum > 0 and not a.attisdropped and a.attgenerated = ''
        ) as "columns!"
        from named t join depth d on d.oid = t.oid
        where t.name <> all($2)
        group by t.oid, t.name order by max(d.depth), t.name"#,
        &schemas,
        &passing,
    )
    .fetch_all(db)
    .await
}
