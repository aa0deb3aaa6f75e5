//! An entry of the audit log as the API shows it.

use chrono::{DateTime, Utc};
use domain::{Category, Personal};
use projections::AuditEntry;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

/// Something that happened.
#[derive(Serialize, ToSchema)]
pub(super) struct Entry {
    /// Its position in the log.
    #[schema(example = "4711")]
    id: String,
    /// Who did it, or whom it tells of where nobody said who they are.
    user_id: Option<Uuid>,
    /// The event's name.
    #[schema(example = "user.role_changed")]
    action: String,
    /// What kind of thing it happened to.
    #[schema(example = "user")]
    resource_type: Option<&'static str>,
    resource_id: Uuid,
    timestamp: DateTime<Utc>,
    /// Nothing where it was not told, or was erased with its person.
    ip_address: Option<String>,
    /// That of the session in which it was done.
    user_agent: Option<String>,
    details: Details,
}

/// The circumstances of an entry.
#[derive(Serialize, ToSchema)]
pub(super) struct Details {
    pub(super) position: i64,
    /// The event's place in the history of the thing, from 1.
    version: i64,
    /// Who did it.
    pub(super) actor_id: Option<Uuid>,
    /// Whom it tells of.
    pub(super) subject_id: Option<Uuid>,
    /// The session or the API key by which the actor had shown who they are.
    credential_id: Option<Uuid>,
    command_id: Uuid,
    /// The request it follows from.
    pub(super) correlation_id: Option<Uuid>,
    /// The position of the event that it answers.
    pub(super) causation: Option<i64>,
    traceparent: Option<String>,
    /// Why, where somebody said so.
    pub(super) reason: Option<String>,
    /// Whether address or reason were erased with their person.
    is_erased: bool,
    /// Where the proof is that the entry stands unchanged in the log.
    proof: String,
}

impl Entry {
    /// The cells of a line of a spreadsheet, in the order of [`Entry::COLUMNS`].
    pub(super) fn cells(self) -> [String; 13] {
        let id = |id: Option<Uuid>| id.map(|id| id.to_string()).unwrap_or_default();
        let details = self.details;
        [
            self.id,
            self.timestamp.to_rfc3339(),
            self.action,
            self.resource_type.unwrap_or_default().to_owned(),
            self.resource_id.to_string(),
            id(details.actor_id),
            id(details.subject_id),
            self.ip_address.unwrap_or_default(),
            self.user_agent.unwrap_or_default(),
            details.reason.unwrap_or_default(),
            id(details.correlation_id),
            details.causation.map(|position| position.to_string()).unwrap_or_default(),
            details.command_id.to_string(),
        ]
    }

    /// The names of the cells.
    pub(super) const COLUMNS: [&str; 13] = [
        "position",
        "timestamp",
        "action",
        "resource_type",
        "resource_id",
        "actor_id",
        "subject_id",
        "ip_address",
        "user_agent",
        "reason",
        "correlation_id",
        "causation",
        "command_id",
    ];
}

impl From<AuditEntry> for Entry {
    fn from(entry: AuditEntry) -> Self {
        let is_gone = |text: &Option<Personal<String>>| matches!(text, Some(Personal::Erased));
        let is_erased = is_gone(&entry.address) || is_gone(&entry.reason);
        let meta = entry.meta;
        Self {
            id: entry.position.to_string(),
            user_id: meta.actor.or(meta.subject),
            action: entry.action,
            resource_type: entry.category.map(Category::name),
            resource_id: entry.stream,
            timestamp: entry.recorded_at,
            ip_address: entry.address.and_then(Personal::into_known),
            user_agent: entry.user_agent,
            details: Details {
                position: entry.position,
                version: entry.version,
                actor_id: meta.actor,
                subject_id: meta.subject,
                credential_id: meta.credential,
                command_id: entry.command,
                correlation_id: meta.correlation,
                causation: meta.causation,
                traceparent: meta.traceparent,
                reason: entry.reason.and_then(Personal::into_known),
                is_erased,
                proof: format!("/v1/admin/log/proof/{}", entry.position),
            },
        }
    }
}
