//! Looking entries up, and opening what their events keep closed.

use std::collections::HashMap;

use anyhow::Context;
use chrono::{DateTime, Utc};
use domain::{Category, Personal};
use eventlog::{Meta, Position, Reason, Recorded};
use uuid::Uuid;

use crate::Queries;

/// Entries are counted up to here; beyond it there are "more".
pub const MAX_COUNT: i64 = 100_000;

/// Which entries are meant; nothing means all.
#[derive(Clone, Debug, Default)]
pub struct AuditFilter {
    /// After this position.
    pub after: Position,
    /// Up to this position, that one included; to the end where nothing is said.
    pub upto: Option<Position>,
    /// What somebody did, or what was done about them.
    pub user: Option<Uuid>,
    /// Only what was done about them.
    pub subject: Option<Uuid>,
    /// Events of this name.
    pub action: Option<String>,
    /// Events of this kind of thing.
    pub category: Option<Category>,
}

/// Something that happened, with its circumstances.
#[derive(Clone, Debug, PartialEq)]
pub struct AuditEntry {
    /// The event's place in the log.
    pub position: Position,
    /// When.
    pub recorded_at: DateTime<Utc>,
    /// What, in the event's stored name.
    pub action: String,
    /// To what kind of thing.
    pub category: Option<Category>,
    /// To which thing.
    pub stream: Uuid,
    /// Its place in the history of that thing.
    pub version: i64,
    /// As part of which command.
    pub command: Uuid,
    /// Who, about whom, as part of what; address and reason closed.
    pub meta: Meta,
    /// From where.
    pub address: Option<Personal<String>>,
    /// Why, in somebody's own words, or which use case.
    pub reason: Option<Personal<String>>,
    /// With which program the session began.
    pub user_agent: Option<String>,
}

/// Some entries, the last first.
#[derive(Clone, Debug, PartialEq)]
pub struct AuditPage {
    /// The entries asked for.
    pub entries: Vec<AuditEntry>,
    /// How many there are in all, [`MAX_COUNT`] at most.
    pub total: i64,
}

impl Queries {
    /// Entries, the last first.
    pub async fn audit(
        &self,
        filter: &AuditFilter,
        skip: u32,
        limit: u32,
    ) -> anyhow::Result<AuditPage> {
        let positions = self.audit_positions(filter, skip, limit).await?;
        let total = self.audit_total(filter).await?;
        Ok(AuditPage { entries: self.audit_entries(&positions).await?, total })
    }

    /// Where the entries stand, the last first.
    ///
    /// Each half of the union walks one index from its end; the planner drops the half, and the
    /// conditions, that the parameters make void.
    pub async fn audit_positions(
        &self,
        filter: &AuditFilter,
        skip: u32,
        limit: u32,
    ) -> anyhow::Result<Vec<Position>> {
        let found = sqlx::query_scalar!(
            r#"select position as "position!" from (
                (select position from audit_view
                    where position > $1 and position <= $2
                        and ($3::uuid is null or subject_id = $3)
                        and ($4::text is null or action = $4)
                        and ($5::smallint is null or category = $5)
                    order by position desc limit $6)
                union all
                (select position from audit_view
                    where actor_id = $7 and actor_id is distinct from subject_id
                        and position > $1 and position <= $2
                        and ($4::text is null or action = $4)
                        and ($5::smallint is null or category = $5)
                    order by position desc limit $6)
            ) e order by position desc offset $8 limit $9"#,
            filter.after,
            filter.upto.unwrap_or(Position::MAX),
            filter.user.or(filter.subject),
            filter.action,
            filter.category.map(|category| category as i16),
            i64::from(skip) + i64::from(limit),
            filter.user,
            i64::from(skip),
            i64::from(limit),
        )
        .fetch_all(self.pool())
        .await?;
        Ok(found)
    }

    /// How many entries there are, [`MAX_COUNT`] at most.
    pub async fn audit_total(&self, filter: &AuditFilter) -> anyhow::Result<i64> {
        let total = sqlx::query_scalar!(
            r#"select count(*) as "count!" from (
                select from audit_view
                where position > $1 and position <= $2
                    and ($3::uuid is null or subject_id = $3
                        or ($4 and actor_id = $3 and actor_id is distinct from subject_id))
                    and ($5::text is null or action = $5)
                    and ($6::smallint is null or category = $6)
                limit $7
            ) e"#,
            filter.after,
            filter.upto.unwrap_or(Position::MAX),
            filter.user.or(filter.subject),
            filter.user.is_some(),
            filter.action,
            filter.category.map(|category| category as i16),
            MAX_COUNT,
        )
        .fetch_one(self.pool())
        .await?;
        Ok(total)
    }

    /// Whether anything was ever done by a person or about them.
    pub async fn is_audited(&self, user: Uuid) -> anyhow::Result<bool> {
        let filter = AuditFilter { user: Some(user), ..AuditFilter::default() };
        Ok(!self.audit_positions(&filter, 0, 1).await?.is_empty())
    }

    /// The entries at positions, in that order, with their circumstances opened from the log.
    pub async fn audit_entries(&self, positions: &[Position]) -> anyhow::Result<Vec<AuditEntry>> {
        let events = self.log().decode(self.log().at(positions).await?).await?;
        let metas: Vec<&Meta> = events.iter().map(|event| &event.meta).collect();
        let circumstances = self.log().circumstances(&metas).await?;
        let agents = self.user_agents(&events).await?;
        let entries = events.iter().zip(circumstances).map(|(event, circumstances)| {
            let use_case = || match &event.meta.reason {
                Some(Reason::UseCase(name)) => Some(Personal::Known(name.to_string())),
                Some(Reason::Said(_)) | None => None,
            };
            let entry = AuditEntry {
                position: event.position,
                recorded_at: event.recorded_at,
                action: event.name.to_string(),
                category: Category::of_event(&event.name),
                stream: event.stream,
                version: event.version,
                command: event.command,
                meta: event.meta.clone(),
                address: circumstances.address,
                reason: circumstances.reason.or_else(use_case),
                user_agent: session(event).and_then(|id| agents.get(&id)).cloned(),
            };
            (event.position, entry)
        });
        let mut entries: HashMap<Position, AuditEntry> = entries.collect();
        let found = positions.iter().map(|position| entries.remove(position));
        found.map(|entry| entry.context("the log lacks an event that was indexed")).collect()
    }

    /// What sessions said they are; nothing is left of it once their person was erased.
    async fn user_agents(&self, events: &[Recorded]) -> anyhow::Result<HashMap<Uuid, String>> {
        let sessions: Vec<Uuid> = events.iter().filter_map(session).collect();
        let rows = sqlx::query!(
            r#"select session_id, user_agent as "user_agent!" from session_view
            where session_id = any($1) and user_agent is not null"#,
            &sessions,
        )
        .fetch_all(self.pool())
        .await?;
        Ok(rows.into_iter().map(|row| (row.session_id, row.user_agent)).collect())
    }
}

/// The session in which something was done.
fn session(event: &Recorded) -> Option<Uuid> {
    let is_own =
        || (Category::of_event(&event.name) == Some(Category::Session)).then_some(event.stream);
    event.meta.credential.or_else(is_own)
}
