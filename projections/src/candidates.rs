//! The next versions of projections that follow the log beside the live ones until somebody decides.

use std::{collections::HashMap, time::Duration};

use eventlog::EventLog;
use sqlx::{Connection, PgConnection};
use tokio::time::sleep;

use crate::{
    Projection,
    connection::{connect, is_passing},
    parking::told,
    rebuild::{Slot, Source, advance, schema, use_schema},
};

/// How often it is looked whether there is something to do.
const POLL: Duration = Duration::from_millis(100);
/// How long a version that failed is left alone.
const PAUSE: Duration = Duration::from_secs(2);
/// Events taken in at once.
const AT_ONCE: i64 = 2000;

/// Keeps the next versions up with the log, for as long as this process leads.
pub(crate) async fn follow(log: &EventLog) -> anyhow::Result<()> {
    let mut connections = HashMap::new();
    loop {
        let followed = followed(log).await?;
        connections.retain(|projection, _| followed.contains(projection));
        let mut pause = POLL;
        for projection in followed {
            let db = match connections.remove(&projection) {
                Some(db) => db,
                None => open(log, projection).await?,
            };
            match take_in(log, projection, db).await {
                Ok((db, has_moved)) => {
                    connections.insert(projection, db);
                    pause = if has_moved { Duration::ZERO } else { pause };
                }
                Err(error) if is_passing(&error) => return Err(error),
                Err(error) => {
                    note(log, projection, &error).await?;
                    sleep(PAUSE).await;
                }
            }
        }
        sleep(pause).await;
    }
}

async fn followed(log: &EventLog) -> anyhow::Result<Vec<Projection>> {
    let names = sqlx::query_scalar!(
        "select projection from read.version v join log.head h on h.epoch = v.epoch
        where slot = 'next' and is_followed and checkpoint < position",
    )
    .fetch_all(log.pool())
    .await?;
    Ok(names.iter().filter_map(|name| Projection::named(name)).collect())
}

async fn open(log: &EventLog, projection: Projection) -> anyhow::Result<PgConnection> {
    let mut db = connect(log.pool()).await?;
    use_schema(&mut db, &schema(projection, Slot::Next)).await?;
    Ok(db)
}

/// Takes a part of what is missing in; whether there was any and nobody else is at it.
async fn take_in(
    log: &EventLog,
    projection: Projection,
    mut db: PgConnection,
) -> anyhow::Result<(PgConnection, bool)> {
    let source = Source::open(log, projection).await?;
    let mut transaction = db.begin().await?;
    let position = sqlx::query_scalar!(
        "select checkpoint from read.version
        where projection = $1 and slot = 'next' and is_followed for update skip locked",
        projection.name(),
    )
    .fetch_optional(&mut *transaction)
    .await?;
    let Some(position) = position else {
        transaction.rollback().await?;
        return Ok((db, false));
    };
    let reached = source.replay(&mut transaction, position, position + AT_ONCE).await?;
    advance(&mut transaction, projection, reached).await?;
    transaction.commit().await?;
    Ok((db, reached > position))
}

/// A version that failed stands still and says why; nobody sees it, and a rebuild replaces it.
async fn note(log: &EventLog, projection: Projection, error: &anyhow::Error) -> anyhow::Result<()> {
    let name = projection.name();
    tracing::error!(projection = name, error = format!("{error:#}"), "the next version fails");
    sqlx::query!(
        "update read.version set last_error = $2 where projection = $1 and slot = 'next'",
        name,
        told(error),
    )
    .execute(log.pool())
    .await?;
    Ok(())
}
