//! Partitions of the log, made before they are needed.

use sqlx::PgPool;

use crate::Position;

/// Makes room for what follows the head, `batch` events at least, and returns the head from which on
/// more is wanted.
pub(crate) async fn make(pool: &PgPool, head: Position, batch: i64) -> sqlx::Result<Position> {
    sqlx::query_scalar!(r#"select log.make_room($1, $2) as "due!""#, head, batch)
        .fetch_one(pool)
        .await
}
