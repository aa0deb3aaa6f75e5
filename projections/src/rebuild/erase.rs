//! Forgetting people in tables that do not follow the log.

use eventlog::{EventLog, Recorded};
use sqlx::{Connection, PgConnection};

use super::{Slot, schema, tables, use_schema, versions};
use crate::Projection;

/// Has the old version of a projection forget whom the live one forgets. One that cannot is dropped.
pub(crate) async fn erase_old(
    db: &mut PgConnection,
    projection: Projection,
    erased: &[&Recorded],
) -> anyhow::Result<()> {
    if versions::lock(db, projection, Slot::Old).await?.is_none() {
        return Ok(());
    }
    let mut attempt = db.begin().await?;
    use_schema(&mut attempt, &schema(projection, Slot::Old)).await?;
    let outcome = projection.write(&mut attempt, erased).await;
    if outcome.is_ok() {
        sqlx::query!("set search_path to default").execute(&mut *attempt).await?;
        attempt.commit().await?;
        return Ok(());
    }
    attempt.rollback().await?;
    tracing::warn!(projection = projection.name(), "the old version cannot forget; dropping it");
    Ok(versions::discard(db, projection, Slot::Old).await?)
}

/// Drops what interrupted rebuilds have left: nobody would have it forget anybody.
pub(crate) async fn sweep(log: &EventLog) -> anyhow::Result<()> {
    for projection in Projection::ALL {
        let mut transaction = log.pool().begin().await?;
        let schema = schema(projection, Slot::Next);
        let is_left = sqlx::query_scalar!(
            r#"select to_regnamespace($1) is not null
                and not exists (select from read.version where projection = $2 and slot = 'next')
                and pg_try_advisory_xact_lock(hashtextextended($1, 0)) as "is_left!""#,
            schema,
            projection.name(),
        )
        .fetch_one(&mut *transaction)
        .await?;
        if is_left {
            tables::discard(&mut transaction, projection, Slot::Next).await?;
            tracing::info!(schema, "dropped what an interrupted rebuild had left");
        }
        transaction.commit().await?;
    }
    Ok(())
}
