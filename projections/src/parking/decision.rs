//! What people decide about parked streams: try them again, or leave their events out for good.

use std::collections::BTreeMap;

use eventlog::{EventLog, Position, RawEvent};
use sqlx::{Connection, PgConnection};
use uuid::Uuid;

use super::{change, told};
use crate::{
    Projection, Refusal,
    connection::{connect, is_passing},
};

/// Takes the waiting events of a stream in, in their order; answers how many there were.
pub async fn retry(log: &EventLog, name: &str, stream: Uuid) -> anyhow::Result<usize> {
    let projection = Projection::required(name)?;
    let mut db = connect(log.pool()).await?;
    let mut transaction = db.begin().await?;
    let first = lock(&mut transaction, projection, stream).await?;
    let events = waiting(log, &mut transaction, projection, (stream, first)).await?;
    let count = events.len();
    if let Err(error) = write(log, &mut transaction, projection, events).await {
        if is_passing(&error) {
            return Err(error);
        }
        transaction.rollback().await?;
        fail_again(&mut db, projection, stream, &error).await?;
        measure(projection, "failed");
        return Err(Refusal::FailsAgain(told(&error)).into());
    }
    sqlx::query!(
        "delete from read.parked where projection = $1 and stream_id = $2 and first_position = $3",
        projection.name(),
        stream,
        first,
    )
    .execute(&mut *transaction)
    .await?;
    change(&mut transaction, projection).await?;
    transaction.commit().await?;
    measure(projection, "retried");
    tracing::info!(projection = name, %stream, events = count, "a parked stream goes on");
    Ok(count)
}

/// Leaves the waiting events of a stream out for good; those to come are taken in. Answers how many
/// are left out.
pub async fn skip(log: &EventLog, name: &str, stream: Uuid, by: &str) -> anyhow::Result<i64> {
    let projection = Projection::required(name)?;
    let mut transaction = log.pool().begin().await?;
    let first = lock(&mut transaction, projection, stream).await?;
    sqlx::query!(
        "update read.parked set skipped_at = clock_timestamp(), skipped_by = $4
        where projection = $1 and stream_id = $2 and first_position = $3",
        projection.name(),
        stream,
        first,
        by,
    )
    .execute(&mut *transaction)
    .await?;
    let events = sqlx::query_scalar!(
        r#"select count(*) as "count!" from read.parked_event
        where projection = $1 and stream_id = $2 and first_position = $3"#,
        projection.name(),
        stream,
        first,
    )
    .fetch_one(&mut *transaction)
    .await?;
    change(&mut transaction, projection).await?;
    transaction.commit().await?;
    measure(projection, "skipped");
    tracing::warn!(projection = name, %stream, events, by, "events of a parked stream stay out");
    Ok(events)
}

/// Stops the projection, and answers from where on a stream is left out.
async fn lock(
    db: &mut PgConnection,
    projection: Projection,
    stream: Uuid,
) -> anyhow::Result<Position> {
    sqlx::query!("select from read.projection where name = $1 for update", projection.name())
        .execute(&mut *db)
        .await?;
    let first = sqlx::query_scalar!(
        "select first_position from read.parked
        where projection = $1 and stream_id = $2 and skipped_at is null",
        projection.name(),
        stream,
    )
    .fetch_optional(db)
    .await?;
    Ok(first.ok_or(Refusal::NotParked { projection: projection.name(), stream })?)
}

/// The events of a stream that wait, in their order.
async fn waiting(
    log: &EventLog,
    db: &mut PgConnection,
    projection: Projection,
    (stream, first): (Uuid, Position),
) -> anyhow::Result<Vec<RawEvent>> {
    let positions = sqlx::query_scalar!(
        "select position from read.parked_event
        where projection = $1 and stream_id = $2 and first_position = $3 order by position",
        projection.name(),
        stream,
        first,
    )
    .fetch_all(db)
    .await?;
    let mut raw = Vec::with_capacity(positions.len());
    for (after, count) in runs(&positions) {
        raw.extend(log.read_at_most(after, count).await?);
    }
    Ok(raw)
}

async fn write(
    log: &EventLog,
    db: &mut PgConnection,
    projection: Projection,
    events: Vec<RawEvent>,
) -> anyhow::Result<()> {
    let events = log.decode(events).await?;
    let wanted: Vec<_> = events.iter().collect();
    projection.write(db, &wanted).await
}

/// Positions that follow each other, as the one before them and their number.
fn runs(positions: &[Position]) -> BTreeMap<Position, i64> {
    let mut runs = BTreeMap::new();
    let mut start = 0;
    for position in positions {
        match runs.get_mut(&start) {
            Some(count) if start + *count + 1 == *position => *count += 1,
            Some(_) | None => {
                start = position - 1;
                runs.insert(start, 1);
            }
        }
    }
    runs
}

async fn fail_again(
    db: &mut PgConnection,
    projection: Projection,
    stream: Uuid,
    error: &anyhow::Error,
) -> sqlx::Result<()> {
    sqlx::query!(
        "update read.parked set attempts = attempts + 1, last_error = $3
        where projection = $1 and stream_id = $2 and skipped_at is null",
        projection.name(),
        stream,
        told(error),
    )
    .execute(db)
    .await?;
    Ok(())
}

fn measure(projection: Projection, outcome: &'static str) {
    metrics::counter!(
        "annals_projection_parked_decisions_total",
        "projection" => projection.name(),
        "outcome" => outcome,
    )
    .increment(1);
}

#[cfg(test)]
mod tests {
    use super::runs;

    #[test]
    fn positions_that_follow_each_other_are_read_at_once() {
        let runs: Vec<_> = runs(&[1, 2, 3, 7, 9, 10]).into_iter().collect();

        assert_eq!(runs, [(0, 3), (6, 1), (8, 2)]);
    }
}
