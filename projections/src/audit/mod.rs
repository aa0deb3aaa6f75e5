//! Who did what about whom: one small row per event, without anything personal.

mod entries;
mod numbers;

use eventlog::Recorded;
use sqlx::PgConnection;
use uuid::Uuid;

pub use entries::{AuditEntry, AuditFilter, AuditPage, MAX_COUNT};
pub use numbers::{ActionCount, AuditNumbers, UserCount};

/// An audit is about everything.
pub(crate) const fn wants(_name: &str) -> bool {
    true
}

pub(crate) async fn apply(db: &mut PgConnection, batch: &[&Recorded]) -> sqlx::Result<()> {
    let mut rows = Rows::default();
    for recorded in batch {
        rows.push(recorded);
    }
    sqlx::query!(
        "insert into audit_view (position, recorded_at, category, action, actor_id, subject_id,
            stream_id, command_id, correlation_id, credential_id)
        select * from unnest($1::bigint[], $2::timestamptz[], $3::smallint[], $4::text[],
            $5::uuid[], $6::uuid[], $7::uuid[], $8::uuid[], $9::uuid[], $10::uuid[])",
        &rows.positions,
        &rows.recorded_at,
        &rows.categories,
        &rows.actions as &[&str],
        &rows.actors as &[Option<Uuid>],
        &rows.subjects as &[Option<Uuid>],
        &rows.streams,
        &rows.commands,
        &rows.correlations as &[Option<Uuid>],
        &rows.credentials as &[Option<Uuid>],
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Rows by column.
#[derive(Default)]
struct Rows<'a> {
    positions: Vec<i64>,
    recorded_at: Vec<chrono::DateTime<chrono::Utc>>,
    categories: Vec<i16>,
    actions: Vec<&'a str>,
    actors: Vec<Option<Uuid>>,
    subjects: Vec<Option<Uuid>>,
    streams: Vec<Uuid>,
    commands: Vec<Uuid>,
    correlations: Vec<Option<Uuid>>,
    credentials: Vec<Option<Uuid>>,
}

impl<'a> Rows<'a> {
    fn push(&mut self, recorded: &'a Recorded) {
        let category = domain::Category::of_event(&recorded.name);
        self.positions.push(recorded.position);
        self.recorded_at.push(recorded.recorded_at);
        self.categories.push(category.map_or(0, |category| category as i16));
        self.actions.push(&recorded.name);
        self.actors.push(recorded.meta.actor);
        self.subjects.push(recorded.meta.subject);
        self.streams.push(recorded.stream);
        self.commands.push(recorded.command);
        self.correlations.push(recorded.meta.correlation);
        self.credentials.push(recorded.meta.credential);
    }
}
