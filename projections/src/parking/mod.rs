//! Streams that a projection leaves out for now: their events wait, all others go on.

mod decision;
mod version;

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use eventlog::{Position, Recorded};
use serde::Serialize;
use sqlx::{PgConnection, PgPool};
use uuid::Uuid;

pub use decision::{retry, skip};
pub(crate) use version::{exchange, forget, forget_skipped};

use crate::Projection;

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
