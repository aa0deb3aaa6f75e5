//! `ZeroDB`: tables of JSON rows that models keep for people, sealed with the key of the person.
//!
//! The database sees keyed hashes only: of a table's name, and of each field with a plain value, so that
//! rows can be found by what they are equal to.

mod matching;
mod older;
mod shelf;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::{Context, Failure};
use matching::contains;
pub(in crate::agent) use older::seal_what_was_clear;
use shelf::{Cursor, Shelf};

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

/// What is known of a table.
#[derive(Serialize, Deserialize)]
struct Card {
    name: String,
    schema: Value,
    description: Option<String>,
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
    let shelf = Shelf::open(context.log, context.owner).await?;
    let name = table.table_name.clone();
    let schema = Value::Object(table.schema);
    let card = Card { name: table.table_name, schema, description: table.description };
    let is_new = shelf.add_table(&card, MAX_TABLES).await?;
    if !is_new && !shelf.has_table(&name).await? {
        return Err(Failure::Refused(format!("there are {MAX_TABLES} tables already")));
    }
    let status = if is_new { "created" } else { "exists" };
    Ok(json!({ "table_name": name, "status": status }))
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
    let shelf = Shelf::open(context.log, context.owner).await?;
    if !shelf.has_table(&insertion.table_name).await? {
        return Err(missing(&insertion.table_name));
    }
    let ids: Vec<Uuid> = (0..insertion.rows.len())
        .map(|index| {
            Uuid::new_v5(&context.run, format!("{}:{call}:{index}", context.iteration).as_bytes())
        })
        .collect();
    let rows: Vec<(Uuid, Map<String, Value>)> = ids.iter().copied().zip(insertion.rows).collect();
    shelf.add_rows(&insertion.table_name, &rows).await?;
    Ok(json!({ "table_name": insertion.table_name, "inserted": ids.len(), "row_ids": ids }))
}

pub(super) async fn query_table(
    context: &Context<'_>,
    query: QueryTable,
) -> Result<Value, Failure> {
    let shelf = Shelf::open(context.log, context.owner).await?;
    if !shelf.has_table(&query.table_name).await? {
        return Err(missing(&query.table_name));
    }
    let limit = usize::try_from(query.limit.unwrap_or(100).clamp(1, 1000)).unwrap_or(1);
    let wanted = Value::Object(query.filters.clone());
    let mut found = Vec::new();
    let mut after = Cursor::default();
    while found.len() < limit {
        let rows = shelf.rows(&query.table_name, &query.filters, after).await?;
        let Some(last) = rows.last() else { break };
        after = last.place;
        let fitting = rows.into_iter().filter(|row| contains(&row.data, &wanted));
        let shown = fitting.map(|row| json!({ "row_id": row.place.row, "data": row.data }));
        found.extend(shown.take(limit - found.len()));
    }
    Ok(json!({ "table_name": query.table_name, "count": found.len(), "rows": found }))
}

pub(super) async fn list_tables(context: &Context<'_>) -> Result<Value, Failure> {
    let shelf = Shelf::open(context.log, context.owner).await?;
    let mut tables = shelf.tables().await?;
    tables.sort_by(|(one, _), (other, _)| one.name.cmp(&other.name));
    let tables: Vec<Value> = tables
        .into_iter()
        .map(|(table, rows)| {
            json!({
                "table_name": table.name, "description": table.description,
                "schema": table.schema, "row_count": rows,
            })
        })
        .collect();
    Ok(json!({ "tables": tables }))
}

fn missing(table: &str) -> Failure {
    Failure::Refused(format!("there is no table {table}; create it first"))
}
