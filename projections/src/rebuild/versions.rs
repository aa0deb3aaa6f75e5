//! The versions of a projection: the live one, the next one that may follow the log beside it, and
//! the old one that was live before.

use std::time::Duration;

use anyhow::{Context, ensure};
use eventlog::{EventLog, MAX_BATCH, Position};
use sqlx::{Connection, PgConnection};
use tokio::time::sleep;

use super::{
    Slot, schema,
    source::Source,
    tables::{self, use_schema},
};
use crate::{Projection, Refusal, checkpoint::Standing, connection::connect, parking};

/// How often a change-over is tried while somebody reads the live tables at length.
const TRIES: u32 = 20;

/// Makes the next version of the projection called `name` live; the one that was is kept.
pub async fn promote(log: &EventLog, name: &str) -> anyhow::Result<()> {
    promote_next(log, Projection::required(name)?).await
}

/// Makes the version live again that was before; it catches up from where it stood.
pub async fn rollback(log: &EventLog, name: &str) -> anyhow::Result<()> {
    make_live(log, Projection::required(name)?, Slot::Old).await?;
    tracing::warn!(projection = name, "rolled back to what was live before");
    Ok(())
}

/// Drops the version that was live before; [`rollback`] is not possible any more.
pub async fn drop_old(log: &EventLog, name: &str) -> anyhow::Result<()> {
    let projection = Projection::required(name)?;
    let mut transaction = log.pool().begin().await?;
    if lock(&mut transaction, projection, Slot::Old).await?.is_none() {
        return Err(Refusal::NoVersion(projection.name(), "old").into());
    }
    discard(&mut transaction, projection, Slot::Old).await?;
    Ok(transaction.commit().await?)
}

pub(super) async fn promote_next(log: &EventLog, projection: Projection) -> anyhow::Result<()> {
    make_live(log, projection, Slot::Next).await
}

/// Tries again while somebody reads the live tables at length.
async fn make_live(log: &EventLog, projection: Projection, slot: Slot) -> anyhow::Result<()> {
    for attempt in 1..TRIES {
        match change_over(log, projection, slot).await {
            Err(error) if is_lock_timeout(&error) => {
                tracing::warn!(attempt, "somebody reads the live tables; trying again");
                sleep(Duration::from_secs(1)).await;
            }
            answer => return answer,
        }
    }
    change_over(log, projection, slot).await
}

async fn change_over(log: &EventLog, projection: Projection, slot: Slot) -> anyhow::Result<()> {
    let source = Source::open(log, projection).await?;
    let mut db = connect(log.pool()).await?;
    if slot == Slot::Next {
        use_schema(&mut db, &schema(projection, slot)).await?;
        bring_up(&mut db, &source).await?;
    }
    let mut transaction = db.begin().await?;
    let live = stop(&mut transaction, projection).await?;
    let position = required(&mut transaction, projection, slot).await?;
    if slot == Slot::Next {
        let reached = source.replay(&mut transaction, position, live.target()).await?;
        advance(&mut transaction, projection, reached).await?;
    }
    exchange(&mut transaction, (projection, slot), live).await?;
    Ok(transaction.commit().await?)
}

/// Takes most of what is missing in before the live tables have to stand still.
async fn bring_up(db: &mut PgConnection, source: &Source) -> anyhow::Result<()> {
    let projection = source.projection;
    loop {
        let mut transaction = db.begin().await?;
        let next = required(&mut transaction, projection, Slot::Next).await?;
        let target = Standing::read(&mut transaction, projection).await?.target();
        if target - next <= MAX_BATCH {
            return Ok(());
        }
        let reached = source.replay(&mut transaction, next, target).await?;
        ensure!(reached > next, "the log ends at {reached}");
        advance(&mut transaction, projection, reached).await?;
        transaction.commit().await?;
    }
}

/// Has the live version stand still until the end of the transaction; where it stands.
async fn stop(db: &mut PgConnection, projection: Projection) -> anyhow::Result<Standing> {
    sqlx::query!("set local lock_timeout = '5s'").execute(&mut *db).await?;
    sqlx::query!("select from read.projection where name = $1 for update", projection.name())
        .execute(&mut *db)
        .await?;
    // Only the next statement sees what was committed while this one waited for the lock.
    Ok(Standing::read(db, projection).await?)
}

/// Makes a version live, and the live one the old one, with all that is known of each.
async fn exchange(
    db: &mut PgConnection,
    (projection, slot): (Projection, Slot),
    live: Standing,
) -> anyhow::Result<()> {
    let version = schema(projection, slot);
    let coming = sqlx::query!(
        "select checkpoint, epoch from read.version where projection = $1 and slot = $2",
        projection.name(),
        slot.name(),
    )
    .fetch_one(&mut *db)
    .await?;
    let is_of_this_log = coming.epoch == live.head_epoch && coming.checkpoint <= live.head;
    if !is_of_this_log || !tables::is_alike(db, &version).await? {
        return Err(Refusal::Unfit(projection.name(), slot.name()).into());
    }
    tables::swap(db, projection, slot).await?;
    parking::exchange(db, projection, slot).await?;
    delete(db, projection, slot).await?;
    insert(db, (projection, Slot::Old), (live.checkpoint, live.epoch)).await?;
    sqlx::query!(
        "update read.projection set checkpoint = $2, epoch = $3, parking = parking + 1,
            updated_at = clock_timestamp(), last_error = null
        where name = $1",
        projection.name(),
        coming.checkpoint,
        coming.epoch,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Stops a version and says where it stands; nothing where there is none.
pub(super) async fn lock(
    db: &mut PgConnection,
    projection: Projection,
    slot: Slot,
) -> sqlx::Result<Option<Position>> {
    sqlx::query_scalar!(
        "select checkpoint from read.version where projection = $1 and slot = $2 for update",
        projection.name(),
        slot.name(),
    )
    .fetch_optional(db)
    .await
}

async fn required(
    db: &mut PgConnection,
    projection: Projection,
    slot: Slot,
) -> anyhow::Result<Position> {
    let position = lock(db, projection, slot).await?;
    Ok(position.ok_or(Refusal::NoVersion(projection.name(), slot.name()))?)
}

/// Notes down how far the next version has come.
pub(crate) async fn advance(
    db: &mut PgConnection,
    projection: Projection,
    position: Position,
) -> sqlx::Result<()> {
    sqlx::query!(
        "update read.version set checkpoint = $2, updated_at = clock_timestamp(), last_error = null
        where projection = $1 and slot = 'next'",
        projection.name(),
        position,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// The new tables are a version from now on.
pub(super) async fn register_next(
    db: &mut PgConnection,
    projection: Projection,
    position: Position,
) -> anyhow::Result<()> {
    let epoch = sqlx::query_scalar!("select epoch from log.head where log_id = 1")
        .fetch_one(&mut *db)
        .await
        .context("reading the epoch of the log")?;
    Ok(insert(db, (projection, Slot::Next), (position, epoch)).await?)
}

/// Has the leader keep the next version up with the log.
pub(super) async fn follow_next(db: &mut PgConnection, projection: Projection) -> sqlx::Result<()> {
    sqlx::query!(
        "update read.version set is_followed = true where projection = $1 and slot = 'next'",
        projection.name(),
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Drops a version with all that belongs to it.
pub(super) async fn discard(
    db: &mut PgConnection,
    projection: Projection,
    slot: Slot,
) -> sqlx::Result<()> {
    let mut transaction = db.begin().await?;
    forget(&mut transaction, projection, slot).await?;
    tables::discard(&mut transaction, projection, slot).await?;
    transaction.commit().await
}

async fn insert(
    db: &mut PgConnection,
    (projection, slot): (Projection, Slot),
    (position, epoch): (Position, i64),
) -> sqlx::Result<()> {
    sqlx::query!(
        "insert into read.version
            (projection, slot, checkpoint, epoch, is_followed, made_at, updated_at)
        values ($1, $2, $3, $4, false, clock_timestamp(), clock_timestamp())
        on conflict (projection, slot) do update set checkpoint = excluded.checkpoint,
            epoch = excluded.epoch, is_followed = false, made_at = excluded.made_at,
            updated_at = excluded.updated_at, last_error = null",
        projection.name(),
        slot.name(),
        position,
        epoch,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Forgets a version with all that it leaves out.
async fn forget(db: &mut PgConnection, projection: Projection, slot: Slot) -> sqlx::Result<()> {
    delete(db, projection, slot).await?;
    parking::forget(db, &schema(projection, slot)).await
}

async fn delete(db: &mut PgConnection, projection: Projection, slot: Slot) -> sqlx::Result<()> {
    sqlx::query!(
        "delete from read.version where projection = $1 and slot = $2",
        projection.name(),
        slot.name(),
    )
    .execute(db)
    .await?;
    Ok(())
}

fn is_lock_timeout(error: &anyhow::Error) -> bool {
    let error = error.downcast_ref::<sqlx::Error>().and_then(sqlx::Error::as_database_error);
    error.is_some_and(|error| error.code().as_deref() == Some("55P03"))
}
