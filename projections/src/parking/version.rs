//! What versions of a projection leave out, when they change places or go.

use sqlx::PgConnection;

use crate::{
    Projection,
    rebuild::{Slot, schema},
};

/// What a version leaves out goes with its tables when it becomes live; what the live one leaves out
/// goes with the old version.
pub(crate) async fn exchange(
    db: &mut PgConnection,
    projection: Projection,
    slot: Slot,
) -> sqlx::Result<()> {
    let old = schema(projection, Slot::Old);
    let coming = format!("coming {}", projection.name());
    if slot == Slot::Old {
        rename(db, &old, &coming).await?;
    }
    forget(db, &old).await?;
    rename(db, projection.name(), &old).await?;
    rename(db, &coming, projection.name()).await
}

async fn rename(db: &mut PgConnection, from: &str, to: &str) -> sqlx::Result<()> {
    sqlx::query!(
        "update read.parked set projection = $2 where projection = $1 and skipped_at is null",
        from,
        to,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Forgets all that a version leaves out.
pub(crate) async fn forget(db: &mut PgConnection, version: &str) -> sqlx::Result<()> {
    sqlx::query!("delete from read.parked where projection = $1", version).execute(db).await?;
    Ok(())
}

/// Takes back every decision to leave events of a projection out.
pub(crate) async fn forget_skipped(
    db: &mut PgConnection,
    projection: Projection,
) -> sqlx::Result<()> {
    sqlx::query!(
        "delete from read.parked where projection = $1 and skipped_at is not null",
        projection.name(),
    )
    .execute(db)
    .await?;
    Ok(())
}
