//! Comparing the next version of a projection with the live one, at the same position.

use std::time::Duration;

use anyhow::ensure;
use eventlog::{EventLog, Position};
use sqlx::{Connection, PgConnection, PgPool};
use tokio::time::sleep;

use super::{RebuiltTable, Slot, schema, source::Source, tables, use_schema, versions};
use crate::{Projection, Refusal, checkpoint::Standing, connection::connect};

/// How often it is looked whether the live tables have come as far as the next ones.
const POLL: Duration = Duration::from_millis(50);
/// How often at most.
const TRIES: u32 = 200;

/// Compares the next version of the projection called `name` with the live one, table by table.
pub async fn compare(log: &EventLog, name: &str) -> anyhow::Result<Vec<RebuiltTable>> {
    compare_next(log, Projection::required(name)?).await
}

/// Looks at the live tables as they are at one moment, brings the next ones to the same position, and
/// compares: nobody has to wait for it.
pub(super) async fn compare_next(
    log: &EventLog,
    projection: Projection,
) -> anyhow::Result<Vec<RebuiltTable>> {
    let source = Source::open(log, projection).await?;
    let mut db = connect(log.pool()).await?;
    use_schema(&mut db, &schema(projection, Slot::Next)).await?;
    let mut transaction = db.begin().await?;
    // From here on nobody else moves the next tables.
    let Some(position) = versions::lock(&mut transaction, projection, Slot::Next).await? else {
        return Err(Refusal::NoVersion(projection.name(), "next").into());
    };
    let mut live = Live::look(log.pool(), projection).await?;
    for _ in 0..TRIES {
        if live.target >= position {
            break;
        }
        sleep(POLL).await;
        live = Live::look(log.pool(), projection).await?;
    }
    let reached = source.replay(&mut transaction, position, live.target).await?;
    ensure!(reached == live.target, "the live tables do not come to {reached}");
    versions::advance(&mut transaction, projection, reached).await?;
    let tables = digests(&mut transaction, &mut live.snapshot, projection).await?;
    transaction.commit().await?;
    Ok(tables)
}

/// The live tables at one moment.
struct Live {
    snapshot: PgConnection,
    /// What the next tables have to show to be comparable: as much, if the log can have led there.
    target: Position,
}

impl Live {
    async fn look(pool: &PgPool, projection: Projection) -> anyhow::Result<Self> {
        let mut snapshot = connect(pool).await?;
        sqlx::query!("begin isolation level repeatable read, read only")
            .execute(&mut snapshot)
            .await?;
        let target = Standing::read(&mut snapshot, projection).await?.target();
        Ok(Self { snapshot, target })
    }
}

async fn digests(
    next: &mut PgConnection,
    live: &mut PgConnection,
    projection: Projection,
) -> sqlx::Result<Vec<RebuiltTable>> {
    let schema = schema(projection, Slot::Next);
    let mut tables = Vec::new();
    for name in projection.tables() {
        let (new, old) = tokio::try_join!(
            tables::digest(next, &schema, name),
            tables::digest(live, "public", name)
        )?;
        let is_identical = new == old;
        tables.push(RebuiltTable { name, rows: new.0, rows_before: old.0, is_identical });
    }
    Ok(tables)
}
