//! A read model at an earlier moment: the projection's own code fills temporary tables of a
//! transaction that is rolled back.

use std::collections::BTreeMap;

use eventlog::{Position, Recorded};
use serde::Serialize;
use serde_json::{Map, Value};
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use tokio::sync::Semaphore;

use super::{RowChange, Scope, difference};
use crate::{Projection, Queries};

/// Questions that are worked on at once: each has a connection of its own.
static PLACES: Semaphore = Semaphore::const_new(2);
/// Events taken in by one statement at most.
const BATCH: usize = 1000;

/// A read model as it was.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ModelAsOf {
    /// Its name.
    pub model: &'static str,
    /// As of which position.
    pub position: Position,
    /// How many events were replayed for it.
    pub events: usize,
    /// Its tables.
    pub tables: Vec<TableAsOf>,
}

/// A table as it was.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TableAsOf {
    /// Its name.
    pub name: &'static str,
    /// Its rows, in the order of their keys.
    pub rows: Vec<Value>,
}

/// What became of a read model between two moments.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ModelDiff {
    /// Its name.
    pub model: &'static str,
    /// How many events of it happened in between.
    pub events: usize,
    /// The rows that differ, table by table and in the order of their keys.
    pub rows: Vec<RowChange>,
}

/// Keys and rows, in the order of the keys.
type Rows = BTreeMap<String, (Value, Value)>;

impl Queries {
    /// A read model, or a part of it, as it was at a position.
    pub async fn model_as_of(
        &self,
        projection: Projection,
        scope: Scope,
        at: Position,
    ) -> anyhow::Result<ModelAsOf> {
        let events = self.sources(projection, scope, at).await?;
        let mut past = Past::open(self, projection).await?;
        past.apply(&events).await?;
        let mut tables = Vec::new();
        for name in projection.tables() {
            let rows = past.rows(name).await?.into_values().map(|(_, row)| row).collect();
            tables.push(TableAsOf { name, rows });
        }
        past.close().await?;
        Ok(ModelAsOf { model: projection.name(), position: at, events: events.len(), tables })
    }

    /// What became of a read model, or of a part of it, between two positions.
    pub async fn model_diff(
        &self,
        projection: Projection,
        scope: Scope,
        (from, to): (Position, Position),
    ) -> anyhow::Result<ModelDiff> {
        let events = self.sources(projection, scope, to).await?;
        let (before, between) =
            events.split_at(events.partition_point(|event| event.position <= from));
        let mut past = Past::open(self, projection).await?;
        past.apply(before).await?;
        let earlier = past.all_rows().await?;
        past.apply(between).await?;
        let later = past.all_rows().await?;
        past.close().await?;
        let rows = projection.tables().iter().zip(earlier.iter().zip(&later));
        let rows = rows.flat_map(|(table, (earlier, later))| changes(table, earlier, later));
        Ok(ModelDiff { model: projection.name(), events: between.len(), rows: rows.collect() })
    }

    /// A read model as it is: what [`Queries::model_as_of`] must say of the head.
    pub async fn model_now(&self, projection: Projection) -> anyhow::Result<Vec<TableAsOf>> {
        let mut db = self.pool().acquire().await?;
        let mut tables = Vec::new();
        for name in projection.tables() {
            let rows = rows(&mut db, "public", name).await?;
            tables.push(TableAsOf { name, rows: rows.into_values().map(|(_, row)| row).collect() });
        }
        Ok(tables)
    }
}

/// The rows of one table that differ.
fn changes(table: &'static str, earlier: &Rows, later: &Rows) -> Vec<RowChange> {
    let new = later.iter().filter(|(key, _)| !earlier.contains_key(*key));
    let changes = earlier.iter().chain(new).filter_map(|(key, (shown, _))| {
        let [from, to] = [earlier.get(key), later.get(key)].map(|found| found.map(|(_, row)| row));
        difference::of_row(table, shown.clone(), from, to)
    });
    changes.collect()
}

/// The tables of a projection in a world of its own.
struct Past {
    projection: Projection,
    db: PgConnection,
    _place: tokio::sync::SemaphorePermit<'static>,
}

impl Past {
    /// A new connection, which has no plans yet that go to the live tables.
    async fn open(queries: &Queries, projection: Projection) -> anyhow::Result<Self> {
        let place = PLACES.acquire().await?;
        let mut db = PgConnection::connect_with(&queries.pool().connect_options()).await?;
        execute(&mut db, "begin".to_owned()).await?;
        for table in projection.tables() {
            // Temporary tables are found before all others.
            let like = format!("like public.{table} including all");
            execute(&mut db, format!("create temporary table {table} ({like}) on commit drop"))
                .await?;
        }
        // Plans are made while the tables are empty, and have to serve when they are full.
        execute(&mut db, "set local enable_seqscan = off".to_owned()).await?;
        execute(&mut db, "set local statement_timeout = '30s'".to_owned()).await?;
        Ok(Self { projection, db, _place: place })
    }

    async fn apply(&mut self, events: &[Recorded]) -> anyhow::Result<()> {
        let model = self.projection.name();
        metrics::counter!("annals_as_of_events_total", "projection" => model)
            .increment(events.len() as u64);
        for batch in events.chunks(BATCH) {
            self.projection.apply(&mut self.db, batch).await?;
        }
        Ok(())
    }

    async fn rows(&mut self, table: &str) -> anyhow::Result<Rows> {
        rows(&mut self.db, "pg_temp", table).await
    }

    async fn all_rows(&mut self) -> anyhow::Result<Vec<Rows>> {
        let mut all = Vec::new();
        for table in self.projection.tables() {
            all.push(self.rows(table).await?);
        }
        Ok(all)
    }

    async fn close(mut self) -> anyhow::Result<()> {
        execute(&mut self.db, "rollback".to_owned()).await?;
        Ok(self.db.close().await?)
    }
}

/// All rows of a table. Its names are constants of ours and the catalogue's.
async fn rows(db: &mut PgConnection, schema: &str, table: &str) -> anyhow::Result<Rows> {
    let keys = keys(db, table).await?;
    let select = format!("select row_to_json(t)::text from {schema}.{table} t");
    let found: Vec<String> =
        sqlx::query_scalar(AssertSqlSafe(select)).persistent(false).fetch_all(db).await?;
    let mut rows = Rows::new();
    for row in found {
        let row: Value = serde_json::from_str(&row)?;
        let key: Map<String, Value> = keys
            .iter()
            .map(|name| (name.clone(), row.get(name).cloned().unwrap_or_default()))
            .collect();
        rows.insert(sortable(&key), (Value::Object(key), row));
    }
    Ok(rows)
}

/// A text that sorts as the key does.
fn sortable(key: &Map<String, Value>) -> String {
    let parts = key.values().map(|value| match value.as_i64() {
        Some(number) => format!("{number:020}"),
        None => value.to_string(),
    });
    parts.collect::<Vec<_>>().join("\u{1f}")
}

/// The columns of a table's primary key.
async fn keys(db: &mut PgConnection, table: &str) -> anyhow::Result<Vec<String>> {
    let keys = sqlx::query_scalar!(
        r#"select a.attname::text as "name!" from pg_index i
            join pg_attribute a on a.attrelid = i.indrelid and a.attnum = any(i.indkey)
        where i.indisprimary and i.indrelid = to_regclass('public.' || $1)
        order by array_position(i.indkey::int2[], a.attnum)"#,
        table,
    )
    .fetch_all(db)
    .await?;
    Ok(keys)
}

async fn execute(db: &mut PgConnection, statement: String) -> sqlx::Result<()> {
    sqlx::raw_sql(AssertSqlSafe(statement)).execute(db).await?;
    Ok(())
}
