//! What is said to and of keys.

use chrono::{DateTime, NaiveDate, Utc};
use commands::{KeyChange, NewApiKey, Proof};
use domain::{Text, api_key::Scope};
use projections::{ApiKeyView, KeyUse};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::problem::{FieldError, Problem};

/// What a new key should be.
#[derive(Deserialize, ToSchema)]
pub(super) struct NewKey {
    /// What to call it.
    #[schema(value_type = String, example = "deploy")]
    name: Text,
    /// What it may be used for: `account`, `admin`, `chat`, `notifications`, `settings`. Empty means all that
    /// its owner may do, credentials excepted.
    scopes: Option<Vec<String>>,
    /// When it stops being good; in 90 days where nothing is said.
    expires_at: Option<DateTime<Utc>>,
    /// The password; not needed in the first hour after signing in.
    #[schema(format = Password)]
    password: Option<String>,
    /// A code, where two-factor authentication is on; likewise.
    code: Option<String>,
}

/// What of a key should be another. What is left out stays as it is.
#[derive(Deserialize, ToSchema)]
pub(super) struct ChangedKey {
    /// What to call it.
    #[schema(value_type = Option<String>, example = "deploy")]
    name: Option<Text>,
    /// What it may be used for, as in a new key.
    scopes: Option<Vec<String>>,
    /// When it stops being good.
    expires_at: Option<DateTime<Utc>>,
    /// Whether it opens anything.
    is_active: Option<bool>,
    /// The password, where the key may open more than before; not needed in the first hour after signing in.
    #[schema(format = Password)]
    password: Option<String>,
    /// A code, where two-factor authentication is on; likewise.
    code: Option<String>,
}

/// A key that was just made, or got another secret.
#[derive(Serialize, ToSchema)]
pub(crate) struct KeyAnswer {
    pub success: bool,
    /// The key itself, never to be seen again.
    pub api_key: String,
    pub id: Uuid,
    /// Until when the secret before is good as well.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub old_key_expires_at: Option<DateTime<Utc>>,
}

/// A key, without what makes it one.
#[derive(Clone, Serialize, ToSchema)]
pub(super) struct Key {
    id: Uuid,
    name: String,
    /// The part that may be shown.
    prefix: String,
    scopes: Vec<String>,
    is_active: bool,
    /// `active`, `inactive`, `expired` or `revoked`.
    status: String,
    created_at: DateTime<Utc>,
    /// Late by a few seconds.
    last_used_at: Option<DateTime<Utc>>,
    /// Likewise.
    usage_count: i64,
    expires_at: DateTime<Utc>,
    /// Until when the secret before is good as well.
    old_key_expires_at: Option<DateTime<Utc>>,
}

/// How much a key was used; late by a few seconds.
#[derive(Serialize, ToSchema)]
#[expect(clippy::struct_field_names, reason = "the names are those of the API")]
pub(crate) struct Usage {
    total_requests: i64,
    /// Since midnight, UTC.
    requests_today: i64,
    last_used: Option<DateTime<Utc>>,
    /// The last 30 days, the earliest first.
    daily_usage: Vec<Day>,
}

/// A day, in UTC.
#[derive(Serialize, ToSchema)]
struct Day {
    #[schema(value_type = String, format = Date)]
    date: NaiveDate,
    requests: i64,
}

/// Scopes by their names.
pub(crate) fn scopes(names: &[String]) -> Result<Vec<Scope>, Problem> {
    let (mut scopes, mut errors) = (vec![], vec![]);
    for (place, name) in names.iter().enumerate().take(32) {
        match Scope::try_from(name.as_str()) {
            Ok(scope) => scopes.push(scope),
            Err(error) => errors.push(FieldError {
                pointer: format!("/scopes/{place}"),
                detail: error.to_string(),
            }),
        }
    }
    if names.len() > 32 {
        errors.push(FieldError { pointer: "/scopes".into(), detail: "at most 32 scopes".into() });
    }
    if errors.is_empty() { Ok(scopes) } else { Err(Problem::fields(errors)) }
}

impl TryFrom<NewKey> for NewApiKey {
    type Error = Problem;

    fn try_from(new: NewKey) -> Result<Self, Problem> {
        let NewKey { name, scopes: names, expires_at, password, code } = new;
        let scopes = scopes(&names.unwrap_or_default())?;
        Ok(Self { name, scopes, expires_at, proof: Proof { password, code } })
    }
}

impl TryFrom<ChangedKey> for KeyChange {
    type Error = Problem;

    fn try_from(to: ChangedKey) -> Result<Self, Problem> {
        let ChangedKey { name, scopes: names, expires_at, is_active, password, code } = to;
        let scopes = names.as_deref().map(scopes).transpose()?;
        Ok(Self { name, scopes, expires_at, is_active, proof: Proof { password, code } })
    }
}

impl KeyAnswer {
    pub(crate) fn new(id: Uuid, api_key: String) -> Self {
        Self { success: true, api_key, id, old_key_expires_at: None }
    }
}

impl From<ApiKeyView> for Key {
    fn from(view: ApiKeyView) -> Self {
        Self {
            id: view.id,
            name: view.name,
            prefix: view.prefix,
            scopes: view.scopes,
            is_active: view.status == "active",
            status: view.status,
            created_at: view.created_at,
            last_used_at: view.last_used_at,
            usage_count: view.usage_count,
            expires_at: view.expires_at,
            old_key_expires_at: view.previous_until,
        }
    }
}

impl From<KeyUse> for Usage {
    fn from(counted: KeyUse) -> Self {
        let days = counted.days.into_iter();
        Self {
            total_requests: counted.total,
            requests_today: counted.today,
            last_used: counted.last_used_at,
            daily_usage: days.map(|day| Day { date: day.date, requests: day.requests }).collect(),
        }
    }
}
