//! Partitions of the log, made before they are needed.

use sqlx::PgPool;

use crate::Position;

/// Positions in a partition, as in `log.make_partitions`.
const SIZE: Position = 1 << 22;

/// Makes the partition after the one in use, and returns the head from which on it is half full.
pub(crate) async fn make(pool: &PgPool, head: Position) -> sqlx::Result<Position> {
    let next = head / SIZE + 1;
    sqlx::query!("select log.make_partitions($1)", next * SIZE).execute(pool).await?;
    Ok(next * SIZE + SIZE / 2)
}
