//! `ZeroDB`: tables of JSON rows that models keep for people.

use serde::Deserialize;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::{Context, Failure};

/// Rows of one insertion at most.
const MAX_ROWS: usize = 1000;
/// Tables of one person at most.
const MAX_TABLES: i64 = 1000;

#[derive(Deserialize)]
pub(super) struct CreateTable {
    table_name: String,
    schema: Map<String, Value>,
    description: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct InsertRows {
    table_name: String,
    rows: Vec<Map<String, Value>>,
}

#[derive(Deserialize)]
pub(super) struct QueryTable {
    table_name: String,
    #[serde(default)]
    filters: Map<String, Value>,
    limit: Option<i64>,
}

pub(super) async fn create_table(
    context: &Context<'_>,
    table: CreateTable,
) -> Result<Value, Failure> {
    let length = table.table_name.chars().count();
    if !(1..=63).contains(&length) {
        let detail = "table_name must have 1 to 63 characters";
        return Err(Failure::Parameters(detail.to_owned()));
    }
    let created = sqlx::query!(
        r#"insert into work.zerodb_table (owner_id, name, schema, description, created_at)
        select $1, $2, $3, $4, clock_timestamp()
        where (select count(*) from work.zerodb_table where owner_id = $1) < $5
        on conflict on constraint zerodb_table_pkey do nothing"#,
        context.owner,
        table.table_name,
        Value::Object(table.schema),
        table.description,
        MAX_TABLES,
    )
    .execute(context.pool)
    .await?
    .rows_affected();
    if created == 0 && !exists(context, &table.table_name).await? {
        return Err(Failure::Refused(format!("there are {MAX_TABLES} tables already")));
    }
    let status = if created == 1 { "created" } else { "exists" };
    Ok(json!({ "table_name": table.table_name, "status": status }))
}

/// The ids of rows follow from the call, so that a second time adds nothing.
pub(super) async fn insert_rows(
    context: &Context<'_>,
    call: &str,
    insertion: InsertRows,
) -> Result<Value, Failure> {
    if insertion.rows.is_empty() || insertion.rows.len() > MAX_ROWS {
        return Err(Failure::Parameters(format!("rows must hold 1 to {MAX_ROWS} objects")));
    }
    if !exists(context, &insertion.table_name).await? {
        return Err(missing(&insertion.table_name));
    }
    let ids: Vec<Uuid> = (0..insertion.rows.len())
        .map(|index| {
            Uuid::new_v5(&context.run, format!("{}:{call}:{index}", context.iteration).as_bytes())
        })
        .collect();
    let rows: Vec<Value> = insertion.rows.into_iter().map(Value::Object).collect();
    sqlx::query!(
        r#"insert into work.zerodb_row (row_id, owner_id, table_name, data, created_at)
        select r.id, $1, $2, r.data, clock_timestamp() from unnest($3::uuid[], $4::jsonb[]) r(id, data)
        on conflict (row_id) do nothing"#,
        context.owner,
        insertion.table_name,
        &ids,
        &rows,
    )
    .execute(context.pool)
    .await?;
    Ok(json!({ "table_name": insertion.table_name, "inserted": ids.len(), "row_ids": ids }))
}

pub(super) async fn query_table(
    context: &Context<'_>,
    query: QueryTable,
) -> Result<Value, Failure> {
    if !exists(context, &query.table_name).await? {
        return Err(missing(&query.table_name));
    }
    let rows = sqlx::query!(
        r#"select row_id, data from work.zerodb_row
        where owner_id = $1 and table_name = $2 and data @> $3
        order by created_at, row_id limit $4"#,
        context.owner,
        query.table_name,
        Value::Object(query.filters),
        query.limit.unwrap_or(100).clamp(1, 1000),
    )
    .fetch_all(context.pool)
    .await?;
    let rows: Vec<Value> =
        rows.into_iter().map(|row| json!({ "row_id": row.row_id, "data": row.data })).collect();
    Ok(json!({ "table_name": query.table_name, "count": rows.len(), "rows": rows }))
}

pub(super) async fn list_tables(context: &Context<'_>) -> Result<Value, Failure> {
    let tables = sqlx::query!(
        r#"select t.name, t.description, t.schema,
            (select count(*) from work.zerodb_row r
                where r.owner_id = t.owner_id and r.table_name = t.name) as "rows!"
        from work.zerodb_table t where t.owner_id = $1 order by t.name"#,
        context.owner,
    )
    .fetch_all(context.pool)
    .await?;
    let tables: Vec<Value> = tables
        .into_iter()
        .map(|table| {
            json!({
                "table_name": table.name, "description": table.description,
                "schema": table.schema, "row_count": table.rows,
            })
        })
        .collect();
    Ok(json!({ "tables": tables }))
}

async fn exists(context: &Context<'_>, table: &str) -> Result<bool, Failure> {
    Ok(sqlx::query_scalar!(
        r#"select exists (select from work.zerodb_table where owner_id = $1 and name = $2) as "exists!""#,
        context.owner,
        table,
    )
    .fetch_one(context.pool)
    .await?)
}

fn missing(table: &str) -> Failure {
    Failure::Refused(format!("there is no table {table}; create it first"))
}
