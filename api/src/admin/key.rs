//! Everybody's API keys, as administrators see them.

use std::num::NonZeroU32;

use axum::{extract::State, http::StatusCode, response::Response};
use chrono::{DateTime, Utc};
use commands::{CreatedKey, NewApiKey, Proof};
use domain::{Text, api_key::RateLimit};
use projections::{ApiKeyView, KeyFilter};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use crate::{
    App,
    body::{Json, Path, Query},
    caller::Admin,
    envelope::{CallerProblems, Data, Problems, Success},
    problem::Problem,
    settings::keys::{DAYS, KeyAnswer, Usage, scopes},
};

/// The seconds of a limit where nobody says.
const MINUTE: NonZeroU32 = NonZeroU32::MIN.saturating_add(59);
/// The longest time of a limit: a day.
const LONGEST: u32 = 86_400;

/// The routes of this file.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(get, revoke))
        .routes(routes!(usage))
        .routes(routes!(limit))
        .routes(routes!(activate))
        .routes(routes!(deactivate))
}

/// Which keys to list.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Filter {
    /// How many to leave out, 10000 at most.
    skip: Option<u32>,
    /// How many to list, 100 at most.
    limit: Option<u32>,
    /// Only those of one person.
    user_id: Option<Uuid>,
    /// Only those that are good, or only those that are not.
    is_active: Option<bool>,
    /// Part of a name.
    search: Option<String>,
}

/// A part of all keys.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct Keys {
    items: Vec<AdminKey>,
    total: i64,
    /// From 1.
    page: u32,
    limit: u32,
    has_more: bool,
}

/// A key, without what makes it one.
#[derive(Serialize, ToSchema)]
struct AdminKey {
    id: Uuid,
    user_id: Uuid,
    name: String,
    /// The part that may be shown.
    key_preview: String,
    created_at: DateTime<Utc>,
    expires_at: DateTime<Utc>,
    /// Late by a few seconds.
    last_used: Option<DateTime<Utc>>,
    /// `active`, `inactive`, `expired` or `revoked`.
    status: String,
    scopes: Vec<String>,
    /// Requests in `window_seconds`; none where it has no limit of its own.
    rate_limit: Option<i64>,
    window_seconds: Option<i64>,
    usage_count: i64,
}

/// A key for somebody.
#[derive(Deserialize, ToSchema)]
struct NewKey {
    /// For whom; for yourself where nothing is said.
    user_id: Option<Uuid>,
    /// What to call it.
    #[schema(value_type = String, example = "deploy")]
    name: Text,
    /// What it may be used for, as in a key of your own.
    scopes: Option<Vec<String>>,
    /// When it stops being good; in 90 days where nothing is said.
    expires_at: Option<DateTime<Utc>>,
    /// How often it may be used.
    #[serde(flatten)]
    rate: Rate,
    /// Your password; not needed in the first hour after signing in.
    #[schema(format = Password)]
    password: Option<String>,
    /// A code, where two-factor authentication is on; likewise.
    code: Option<String>,
}

/// How often a key may be used.
#[derive(Deserialize, ToSchema)]
struct Rate {
    /// So many requests, 1 at least; no limit of its own where nothing is said.
    #[schema(value_type = Option<u32>, minimum = 1)]
    rate_limit: Option<NonZeroU32>,
    /// In so many seconds: 60 where nothing is said, 86400 at most.
    #[schema(value_type = Option<u32>, minimum = 1, maximum = 86_400)]
    window_seconds: Option<NonZeroU32>,
}

impl Rate {
    fn read(&self) -> Result<Option<RateLimit>, Problem> {
        let seconds = self.window_seconds.unwrap_or(MINUTE);
        if seconds.get() > LONGEST {
            return Err(Problem::invalid("/window_seconds", "a day (86400) at most"));
        }
        Ok(self.rate_limit.map(|requests| RateLimit { requests, seconds }))
    }
}

impl From<ApiKeyView> for AdminKey {
    fn from(view: ApiKeyView) -> Self {
        Self {
            id: view.id,
            user_id: view.owner,
            name: view.name,
            key_preview: format!("{}_...", view.prefix),
            created_at: view.created_at,
            expires_at: view.expires_at,
            last_used: view.last_used_at,
            status: view.status,
            scopes: view.scopes,
            rate_limit: view.limit_requests,
            window_seconds: view.limit_seconds,
            usage_count: view.usage_count,
        }
    }
}

/// Everybody's API keys
#[utoipa::path(get, path = "/v1/admin/keys", operation_id = "admin_keys", tag = "admin", params(Filter),
    responses((status = 200, body = Data<Keys>), CallerProblems, Problems))]
async fn list(
    State(app): State<App>,
    _admin: Admin,
    Query(asked): Query<Filter>,
) -> Result<Json<Data<Keys>>, Problem> {
    let (skip, limit) = (asked.skip.unwrap_or(0), asked.limit.unwrap_or(50).clamp(1, 100));
    if skip > 10_000 {
        return Err(Problem::invalid("/skip", "at most 10000; name a person instead"));
    }
    let search = asked.search.filter(|search| !search.contains('\0'));
    let filter = KeyFilter { owner: asked.user_id, is_active: asked.is_active, search };
    let found = app.queries.api_keys(&filter, (skip, limit)).await?;
    let shown = i64::from(skip) + i64::try_from(found.items.len()).unwrap_or(0);
    let (total, page, has_more) = (found.total, skip / limit + 1, shown < found.total);
    let items = found.items.into_iter().map(AdminKey::from).collect();
    Ok(Json(Data::new("API keys", Keys { items, total, page, limit, has_more })))
}

/// Make an API key for somebody
///
/// The key is shown once. For administrators only a superuser makes one.
#[utoipa::path(post, path = "/v1/admin/keys", operation_id = "admin_create_key", tag = "admin", request_body = NewKey,
    responses((status = 201, body = KeyAnswer), CallerProblems, Problems))]
async fn create(
    State(app): State<App>,
    Admin(caller): Admin,
    Json(body): Json<NewKey>,
) -> Result<Response, Problem> {
    let whom = (body.user_id.unwrap_or(caller.user), body.rate.read()?);
    let new = NewApiKey {
        name: body.name,
        scopes: scopes(&body.scopes.unwrap_or_default())?,
        expires_at: body.expires_at,
        proof: Proof { password: body.password, code: body.code },
    };
    let created = app.commands.create_api_key_for(&caller, whom, new).await;
    let done = created.map_err(|error| Problem::from(error).at("/expires_at"))?;
    let answer = |CreatedKey { id, key }| KeyAnswer::new(id, key);
    Ok(app.done(done, |created| (StatusCode::CREATED, Json(answer(created)))).await)
}

/// Somebody's API key
#[utoipa::path(get, path = "/v1/admin/keys/{id}", operation_id = "admin_key", tag = "admin",
    params(("id" = Uuid, Path)),
    responses((status = 200, body = Data<AdminKey>), CallerProblems, Problems))]
async fn get(
    State(app): State<App>,
    _admin: Admin,
    Path(id): Path<Uuid>,
) -> Result<Json<Data<AdminKey>>, Problem> {
    Ok(Json(Data::new("API key", key(&app, id).await?)))
}

/// Revoke somebody's API key
#[utoipa::path(delete, path = "/v1/admin/keys/{id}", operation_id = "admin_revoke_key", tag = "admin",
    params(("id" = Uuid, Path)),
    responses((status = 200, body = Success), CallerProblems, Problems))]
async fn revoke(
    State(app): State<App>,
    Admin(caller): Admin,
    Path(id): Path<Uuid>,
) -> Result<Response, Problem> {
    let done = app.commands.revoke_api_key_of(&caller, id).await?;
    Ok(app.done(done, |()| Json(Success::new("API key revoked"))).await)
}

/// How much somebody's API key was used
#[utoipa::path(get, path = "/v1/admin/keys/{id}/usage", operation_id = "admin_key_usage", tag = "admin",
    params(("id" = Uuid, Path)),
    responses((status = 200, body = Data<Usage>), CallerProblems, Problems))]
async fn usage(
    State(app): State<App>,
    _admin: Admin,
    Path(id): Path<Uuid>,
) -> Result<Json<Data<Usage>>, Problem> {
    key(&app, id).await?;
    let counted = app.queries.api_key_use(id, app.now().date_naive(), DAYS).await?;
    Ok(Json(Data::new("Usage", counted.into())))
}

/// Say how often somebody's API key may be used
#[utoipa::path(put, path = "/v1/admin/keys/{id}/rate-limit", operation_id = "admin_limit_key", tag = "admin",
    params(("id" = Uuid, Path)), request_body = Rate,
    responses((status = 200, body = Data<AdminKey>), CallerProblems, Problems))]
async fn limit(
    State(app): State<App>,
    Admin(caller): Admin,
    Path(id): Path<Uuid>,
    Json(body): Json<Rate>,
) -> Result<Response, Problem> {
    let done = app.commands.limit_api_key(&caller, id, body.read()?).await?;
    app.await_position(done.position).await;
    let key = key(&app, id).await?;
    Ok(app.done(done, |()| Json(Data::new("Rate limit changed", key))).await)
}

/// Activate somebody's API key
#[utoipa::path(post, path = "/v1/admin/keys/{id}/activate", operation_id = "admin_activate_key", tag = "admin",
    params(("id" = Uuid, Path)),
    responses((status = 200, body = Success), CallerProblems, Problems))]
async fn activate(
    State(app): State<App>,
    Admin(caller): Admin,
    Path(id): Path<Uuid>,
) -> Result<Response, Problem> {
    let done = app.commands.activate_api_key(&caller, id, true).await?;
    Ok(app.done(done, |()| Json(Success::new("API key activated"))).await)
}

/// Deactivate somebody's API key
///
/// It opens nothing from the next request on, until it is activated.
#[utoipa::path(post, path = "/v1/admin/keys/{id}/deactivate", operation_id = "admin_deactivate_key", tag = "admin",
    params(("id" = Uuid, Path)),
    responses((status = 200, body = Success), CallerProblems, Problems))]
async fn deactivate(
    State(app): State<App>,
    Admin(caller): Admin,
    Path(id): Path<Uuid>,
) -> Result<Response, Problem> {
    let done = app.commands.activate_api_key(&caller, id, false).await?;
    Ok(app.done(done, |()| Json(Success::new("API key deactivated"))).await)
}

async fn key(app: &App, id: Uuid) -> Result<AdminKey, Problem> {
    let key = app.queries.api_key(id, None).await?;
    key.map(AdminKey::from).ok_or_else(|| Problem::missing("API key"))
}
