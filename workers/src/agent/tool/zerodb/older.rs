//! What was kept in clear before anything was sealed: sealed at the next start.

use anyhow::Context;
use eventlog::EventLog;
use serde_json::{Map, Value};
use uuid::Uuid;

use super::{Card, Failure, shelf::Shelf};

/// Rows that are sealed at a time.
const BATCH: i64 = 500;

/// Moves every table that stands in clear to where it is sealed. It may be interrupted and begun again.
pub(in crate::agent) async fn seal_what_was_clear(log: &EventLog) -> anyhow::Result<()> {
    loop {
        let table = sqlx::query!(
            "select owner_id, name, schema, description from work.zerodb_table limit 1"
        )
        .fetch_optional(log.pool())
        .await?;
        let Some(table) = table else { return Ok(()) };
        let card = Card { name: table.name, schema: table.schema, description: table.description };
        match Shelf::open(log, table.owner_id).await {
            Ok(shelf) => seal(log, &shelf, table.owner_id, &card).await?,
            // What belonged to somebody who left goes as well.
            Err(Failure::Refused(_)) => {}
            Err(failure) => return Err(failure).context("opening what is kept of a person"),
        }
        sqlx::query!(
            "delete from work.zerodb_table where owner_id = $1 and name = $2",
            table.owner_id,
            card.name,
        )
        .execute(log.pool())
        .await?;
    }
}

async fn seal(log: &EventLog, shelf: &Shelf<'_>, owner: Uuid, card: &Card) -> anyhow::Result<()> {
    shelf.add_table(card, i64::MAX).await?;
    loop {
        let rows = sqlx::query!(
            "select row_id, data from work.zerodb_row where owner_id = $1 and table_name = $2
            order by created_at, row_id limit $3",
            owner,
            card.name,
            BATCH,
        )
        .fetch_all(log.pool())
        .await?;
        if rows.is_empty() {
            return Ok(());
        }
        let ids: Vec<Uuid> = rows.iter().map(|row| row.row_id).collect();
        let rows: Vec<(Uuid, Map<String, Value>)> =
            rows.into_iter().map(|row| (row.row_id, object(row.data))).collect();
        shelf.add_rows(&card.name, &rows).await?;
        sqlx::query!("delete from work.zerodb_row where row_id = any($1)", &ids)
            .execute(log.pool())
            .await?;
    }
}

fn object(data: Value) -> Map<String, Value> {
    match data {
        Value::Object(fields) => fields,
        other => Map::from_iter([("value".to_owned(), other)]),
    }
}
