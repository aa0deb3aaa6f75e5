//! Streams that a projection leaves out for now: their events wait, all others go on.

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, Utc};
use eventlog::{EventLog, Position, RawEvent, Recorded};
use serde::Serialize;
use sqlx::{Connection, PgConnection, PgPool};
use uuid::Uuid;

use crate::{
    Projection, Refusal,
    connection::{connect, is_passing},
    rebuild::{Slot, schema},
};

/// A stream that a projection could not take in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ParkedStream {
    /// The projection.
    pub projection: String,
    /// The stream.
    pub stream_id: Uuid,
    /// Where its first event stands that is left out.
    pub first_position: Position,
    /// How many of its events are left out.
    pub waiting: i64,
    /// Why the first of them, or the last retry, failed.
    pub last_error: String,
    /// How often it was tried.
    pub attempts: i32,
    /// Since when it is left out.
    pub parked_at: DateTime<Utc>,
    /// When somebody decided that these events stay out.
    pub skipped_at: Option<DateTime<Utc>>,
    /// Who decided it.
    pub skipped_by: Option<String>,
}

/// Every stream that a projection left out or leaves out, the oldest first.
pub async fn parked(pool: &PgPool) -> sqlx::Result<Vec<ParkedStream>> {
    let names = Projection::ALL.map(|projection| projection.name().to_owned());
    sqlx::query_as!(
        ParkedStream,
        r#"select projection, stream_id, first_position, last_error, attempts, parked_at,
            skipped_at, skipped_by, (select count(*) from read.parked_event e
                where e.projection = p.projection and e.stream_id = p.stream_id
                    and e.first_position = p.first_position) as "waiting!"
        from read.parked p where projection = any($1) order by parked_at, projection, stream_id"#,
        &names,
    )
    .fetch_all(pool)
    .await
}

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

/// What can be told of a failure: the database quotes values in its errors about data.
pub(crate) fn told(error: &anyhow::Error) -> String {
    let Some(sqlx::Error::Database(cause)) = error.downcast_ref::<sqlx::Error>() else {
        return error.to_string();
    };
    match cause.code() {
        Some(code) if code.starts_with("22") => format!("{error}: error {code} of the database"),
        Some(_) | None => format!("{error}: {}", cause.message()),
    }
}

/// The streams that a projection leaves out at present, as last read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Parked {
    version: i64,
    streams: HashMap<Uuid, Position>,
}

/// An event that waits until its stream is retried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Waiting {
    stream: Uuid,
    first: Position,
    position: Position,
}

impl Parked {
    /// Reads them again if they have changed; the projection's row has to be locked.
    pub(crate) async fn refresh(
        &mut self,
        db: &mut PgConnection,
        projection: Projection,
        version: i64,
    ) -> sqlx::Result<()> {
        if self.version == version {
            return Ok(());
        }
        let rows = sqlx::query!(
            "select stream_id, first_position from read.parked
            where projection = $1 and skipped_at is null",
            projection.name(),
        )
        .fetch_all(db)
        .await?;
        self.streams = rows.into_iter().map(|row| (row.stream_id, row.first_position)).collect();
        self.version = version;
        let streams = u32::try_from(self.streams.len()).unwrap_or(u32::MAX);
        metrics::gauge!("annals_projection_parked", "projection" => projection.name())
            .set(f64::from(streams));
        Ok(())
    }

    /// Those that are to be taken in now, and those that wait. What changes rows of several streams
    /// is taken in, and once more when one of those that wait goes on.
    pub(crate) fn sort<'a>(
        &self,
        projection: Projection,
        wanted: Vec<&'a Recorded>,
    ) -> (Vec<&'a Recorded>, Vec<Waiting>) {
        if self.streams.is_empty() {
            return (wanted, vec![]);
        }
        let mut waiting = Vec::new();
        let mut now = wanted;
        now.retain(|event| {
            let key = projection.key(event);
            let position = event.position;
            let wait = |(stream, first): (&Uuid, &Position)| Waiting {
                stream: *stream,
                first: *first,
                position,
            };
            if let Some(stream) = key {
                let entry = self.streams.get_key_value(&stream);
                waiting.extend(entry.map(wait));
                entry.is_none()
            } else {
                waiting.extend(self.streams.iter().map(wait));
                true
            }
        });
        (now, waiting)
    }
}

/// Writes down which events wait.
pub(crate) async fn wait(
    db: &mut PgConnection,
    projection: Projection,
    waiting: &[Waiting],
) -> sqlx::Result<()> {
    if waiting.is_empty() {
        return Ok(());
    }
    let streams: Vec<_> = waiting.iter().map(|it| it.stream).collect();
    let first: Vec<_> = waiting.iter().map(|it| it.first).collect();
    let positions: Vec<_> = waiting.iter().map(|it| it.position).collect();
    sqlx::query!(
        "insert into read.parked_event (projection, stream_id, first_position, position)
        select $1, stream_id, first_position, position
        from unnest($2::uuid[], $3::bigint[], $4::bigint[]) w(stream_id, first_position, position)",
        projection.name(),
        &streams,
        &first,
        &positions,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Leaves a stream out from a position on; the projection's row has to be locked.
pub(crate) async fn park(
    db: &mut PgConnection,
    projection: Projection,
    (stream, position): (Uuid, Position),
    (error, attempts): (&anyhow::Error, i32),
) -> sqlx::Result<()> {
    let first = sqlx::query_scalar!(
        "insert into read.parked as p
            (projection, stream_id, first_position, last_error, attempts, parked_at)
        values ($1, $2, $3, $4, $5, clock_timestamp())
        on conflict (projection, stream_id) where skipped_at is null
            do update set last_error = excluded.last_error
        returning first_position",
        projection.name(),
        stream,
        position,
        told(error),
        attempts,
    )
    .fetch_one(&mut *db)
    .await?;
    wait(db, projection, &[Waiting { stream, first, position }]).await?;
    change(db, projection).await?;
    metrics::counter!("annals_projection_parked_total", "projection" => projection.name())
        .increment(1);
    Ok(())
}

/// Positions that somebody decided to leave out of a projection.
pub(crate) async fn skipped(
    db: &mut PgConnection,
    projection: Projection,
) -> sqlx::Result<Vec<Position>> {
    sqlx::query_scalar!(
        "select position from read.parked_event join read.parked
            using (projection, stream_id, first_position)
        where projection = $1 and skipped_at is not null",
        projection.name(),
    )
    .fetch_all(db)
    .await
}

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

/// Has whoever writes the projection read its parked streams again.
pub(crate) async fn change(db: &mut PgConnection, projection: Projection) -> sqlx::Result<()> {
    sqlx::query!(
        "update read.projection set parking = parking + 1 where name = $1",
        projection.name(),
    )
    .execute(db)
    .await?;
    Ok(())
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
