//! What happened to one's own account: when, from where, and by whom.

mod export;
mod proof;
mod what;

use axum::extract::State;
use chrono::{DateTime, Utc};
use commands::Caller;
use domain::{Category, Personal};
use projections::{AuditEntry, AuditFilter};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use self::proof::{Proof, Root};
use crate::{
    App,
    admin::action,
    body::{Json, Query},
    envelope::{CallerProblems, Problems},
    problem::Problem,
};

/// The routes of this file.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(history)).merge(export::routes())
}

/// Which part of the history to list.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Part {
    /// How many to list, 100 at most.
    limit: Option<u32>,
    /// Where an earlier answer ended (`nextCursor`).
    cursor: Option<String>,
    /// Only what has this name.
    action: Option<String>,
    /// Whether to prove that it stands in the log.
    proofs: Option<bool>,
}

/// What happened, the last first.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct History {
    items: Vec<Item>,
    /// Where to go on; none after the first thing that ever happened.
    next_cursor: Option<String>,
    /// What the proofs lead to, where they were asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    root: Option<Root>,
}

/// Something that happened to an account.
#[derive(Serialize, ToSchema)]
struct Item {
    /// Its position in the log.
    position: i64,
    timestamp: DateTime<Utc>,
    /// The event's name.
    #[schema(example = "session.started")]
    action: String,
    /// The same in words.
    #[schema(example = "A device signed in")]
    description: &'static str,
    by: By,
    /// What kind of thing it happened to.
    resource_type: Option<&'static str>,
    resource_id: Uuid,
    /// From where; not that of an administrator.
    ip_address: Option<String>,
    /// With which program; not that of an administrator.
    user_agent: Option<String>,
    /// Why, where somebody said so.
    reason: Option<String>,
    /// The session or the API key with which you did it.
    credential_id: Option<Uuid>,
    /// That it stands in the log, where that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    proof: Option<Proof>,
    /// Whether somebody else caused it.
    #[serde(skip)]
    is_anothers: bool,
}

/// Who did something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum By {
    /// The person.
    You,
    /// An administrator.
    Administrator,
    /// The service, following up on something.
    Service,
    /// Somebody who had not shown who they are.
    Unknown,
}

impl By {
    fn of(entry: &AuditEntry, me: Uuid) -> Self {
        let meta = &entry.meta;
        match meta.actor {
            _ if meta.causation.is_some() => Self::Service,
            Some(actor) if actor == me => Self::You,
            Some(_) => Self::Administrator,
            None if meta.address.is_some() => Self::Unknown,
            None => Self::Service,
        }
    }
}

impl Item {
    fn of(entry: AuditEntry, me: Uuid) -> Self {
        let by = By::of(&entry, me);
        let is_told = matches!(by, By::You | By::Unknown);
        let is_mine = entry.meta.actor == Some(me);
        Self {
            position: entry.position,
            timestamp: entry.recorded_at,
            description: what::happened(&entry.action),
            action: entry.action,
            by,
            resource_type: entry.category.map(Category::name),
            resource_id: entry.stream,
            ip_address: entry.address.and_then(Personal::into_known).filter(|_| is_told),
            user_agent: entry.user_agent.filter(|_| is_told),
            reason: entry.reason.and_then(Personal::into_known),
            credential_id: entry.meta.credential.filter(|_| is_mine),
            proof: None,
            is_anothers: entry.meta.actor.is_some_and(|actor| actor != me),
        }
    }

    /// The same with its proof. The stored form of what another caused, also of what the service
    /// did on their behalf, names them.
    fn proven(self, proof: Option<Proof>) -> Self {
        let proof =
            proof.map(|proof| Proof { leaf: proof.leaf.filter(|_| !self.is_anothers), ..proof });
        Self { proof, ..self }
    }
}

/// What happened to your account
///
/// The last first: what you did, what an administrator did, what the service did, and what somebody
/// tried who did not sign in. An API key needs the scope `account`.
#[utoipa::path(get, path = "/v1/auth/me/history", operation_id = "my_history", tag = "auth",
    params(Part), responses((status = 200, body = History), CallerProblems, Problems))]
async fn history(
    State(app): State<App>,
    caller: Caller,
    Query(part): Query<Part>,
) -> Result<Json<History>, Problem> {
    caller.scope("account")?;
    let limit = part.limit.unwrap_or(20).clamp(1, 100);
    Ok(Json(part.read(&app, caller.user, limit).await?))
}

impl Part {
    /// The part of a person's history that is meant, `limit` items at most.
    async fn read(&self, app: &App, person: Uuid, limit: u32) -> Result<History, Problem> {
        let before = self.cursor.as_deref().map(cursor).transpose()?;
        let filter = AuditFilter {
            upto: before.map(|before| before - 1),
            subject: Some(person),
            action: self.action.as_deref().map(action).transpose()?,
            ..AuditFilter::default()
        };
        let mut positions = app.queries.audit_positions(&filter, 0, limit + 1).await?;
        let has_more = positions.len() > limit as usize;
        positions.truncate(limit as usize);
        let entries = app.queries.audit_entries(&positions).await?;
        let mut items: Vec<Item> =
            entries.into_iter().map(|entry| Item::of(entry, person)).collect();
        let mut root = None;
        if self.proofs == Some(true) {
            let (found, mut proofs) = proof::of(app, &positions).await?;
            let prove = |item: Item| {
                let proof = proofs.remove(&item.position);
                item.proven(proof)
            };
            items = items.into_iter().map(prove).collect();
            root = Some(found);
        }
        let next_cursor = positions.last().filter(|_| has_more).map(ToString::to_string);
        Ok(History { items, next_cursor, root })
    }
}

/// A place in a history. Whatever it says, only one's own events come after it.
fn cursor(text: &str) -> Result<i64, Problem> {
    let position = text.parse().ok().filter(|position| *position > 0);
    position.ok_or_else(|| Problem::invalid("/cursor", "the nextCursor of an earlier answer"))
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use eventlog::Meta;

    use super::*;

    const ME: Uuid = Uuid::from_u128(1);
    const ADMIN: Uuid = Uuid::from_u128(2);

    fn item(meta: &Meta) -> Item {
        let entry = AuditEntry {
            position: 7,
            recorded_at: DateTime::UNIX_EPOCH,
            action: "user.deactivated".to_owned(),
            category: Some(Category::User),
            stream: ME,
            version: 1,
            command: Uuid::nil(),
            meta: meta.about(ME),
            address: Some("192.0.2.1".to_owned().into()),
            reason: Some("a reason".to_owned().into()),
            user_agent: Some("curl".to_owned()),
        };
        Item::of(entry, ME)
    }

    fn by(actor: Uuid) -> Meta {
        Meta { actor: Some(actor), credential: Some(Uuid::from_u128(3)), ..Meta::default() }
    }

    #[test]
    fn ones_own_acts_are_told_in_full() {
        let item = item(&by(ME));

        assert_eq!((item.by, item.is_anothers), (By::You, false));
        assert!(item.ip_address.is_some() && item.user_agent.is_some());
        assert!(item.credential_id.is_some());
    }

    #[test]
    fn of_an_administrator_nothing_is_told_but_the_reason() {
        let item = item(&by(ADMIN));

        assert_eq!((item.by, item.is_anothers), (By::Administrator, true));
        assert_eq!((item.ip_address, item.user_agent, item.credential_id), (None, None, None));
        assert_eq!(item.reason.as_deref(), Some("a reason"));
    }

    #[test]
    fn what_the_service_does_for_an_administrator_does_not_name_them() {
        let item = item(&Meta { causation: Some(6), ..by(ADMIN) });

        assert_eq!((item.by, item.is_anothers), (By::Service, true));
        assert_eq!((item.ip_address, item.credential_id), (None, None));
    }

    #[test]
    fn whoever_did_not_sign_in_is_unknown() {
        let address = Some("192.0.2.1".to_owned().into());
        let item = item(&Meta { address, ..Meta::default() });

        assert_eq!((item.by, item.is_anothers), (By::Unknown, false));
        assert!(item.ip_address.is_some());
    }
}
