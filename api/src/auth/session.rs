//! The devices on which a person is signed in.

use axum::{extract::State, response::Response};
use chrono::{DateTime, Utc};
use commands::{Caller, Credential};
use domain::session::device_name;
use projections::SessionView;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use crate::{
    App,
    body::{Json, Path, Query},
    envelope::{CallerProblems, Message, Problems},
    problem::Problem,
};

/// The routes of this file.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list, revoke_all)).routes(routes!(revoke))
}

/// Which devices to list.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Filter {
    /// `active`, `expired`, `logged_out`, `token_reused` or `revoked`.
    status: Option<String>,
    /// From 1.
    page: Option<u32>,
    /// 100 at most.
    page_size: Option<u32>,
}

/// Which devices to sign out.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Which {
    /// Stay signed in here.
    #[serde(default)]
    keep_current: bool,
}

/// How many devices were signed out.
#[derive(Serialize, ToSchema)]
pub(crate) struct Revoked {
    pub message: &'static str,
    /// How many there were.
    pub revoked: u64,
}

/// Devices.
#[derive(Clone, Serialize, ToSchema)]
#[expect(clippy::struct_field_names, reason = "the names are those of the API")]
pub(crate) struct Sessions {
    sessions: Vec<Session>,
    total: i64,
    page: u32,
    page_size: u32,
}

/// A device on which a person is or was signed in.
#[derive(Clone, Serialize, ToSchema)]
struct Session {
    /// Opens nothing.
    id: Uuid,
    created_at: DateTime<Utc>,
    /// Late by a few seconds at the most.
    last_seen_at: DateTime<Utc>,
    /// When it ends if nothing more happens.
    expires_at: DateTime<Utc>,
    ip: Option<String>,
    user_agent: Option<String>,
    /// Its program and its system, as far as it says: `Firefox on Linux`.
    device: String,
    /// Whether this request comes from it.
    current: bool,
    status: String,
}

impl Session {
    fn of(view: SessionView, app: &App, caller: &Caller) -> Self {
        let seen = app.commands.last_use(view.id).filter(|_| view.status == "active");
        Self {
            current: caller.credential == Credential::Session(view.id),
            id: view.id,
            created_at: view.started_at,
            last_seen_at: seen.map_or(view.last_seen_at, |seen| seen.max(view.last_seen_at)),
            expires_at: view.expires_at,
            device: device_name(view.user_agent.as_deref().unwrap_or_default()),
            ip: view.address,
            user_agent: view.user_agent,
            status: view.status,
        }
    }
}

/// Where you are signed in
#[utoipa::path(get, path = "/v1/auth/sessions", operation_id = "sessions", tag = "auth", params(Filter),
    responses((status = 200, body = Sessions), CallerProblems, Problems))]
async fn list(
    State(app): State<App>,
    caller: Caller,
    Query(filter): Query<Filter>,
) -> Result<Json<Sessions>, Problem> {
    caller.scope("account")?;
    sessions(&app, &caller, caller.user, filter).await.map(Json)
}

/// Sign one of your devices out
///
/// It is signed out from its next request on.
#[utoipa::path(delete, path = "/v1/auth/sessions/{id}", operation_id = "revoke_session", tag = "auth",
    params(("id" = Uuid, Path)),
    responses((status = 200, body = Message), CallerProblems, Problems))]
async fn revoke(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<Uuid>,
) -> Result<Response, Problem> {
    let done = app.commands.revoke_session(&caller, id).await?;
    Ok(app.done(done, |()| Json(Message { message: "Session revoked" })).await)
}

/// Sign all of your devices out
///
/// This one as well, unless `keep_current=true`.
#[utoipa::path(delete, path = "/v1/auth/sessions", operation_id = "revoke_sessions", tag = "auth",
    params(Which),
    responses((status = 200, body = Revoked), CallerProblems, Problems))]
async fn revoke_all(
    State(app): State<App>,
    caller: Caller,
    Query(which): Query<Which>,
) -> Result<Response, Problem> {
    let done = app.commands.revoke_sessions(&caller, which.keep_current).await?;
    Ok(app.done(done, |revoked| Json(Revoked { message: "Sessions revoked", revoked })).await)
}

/// A page of somebody's devices.
pub(crate) async fn sessions(
    app: &App,
    caller: &Caller,
    user: Uuid,
    filter: Filter,
) -> Result<Sessions, Problem> {
    let page = filter.page.unwrap_or(1).max(1);
    let page_size = filter.page_size.unwrap_or(20).clamp(1, 100);
    let status = filter.status.map(|status| status.to_lowercase());
    let found = app.queries.sessions(user, status.as_deref(), page, page_size).await?;
    let sessions = found.items.into_iter().map(|view| Session::of(view, app, caller)).collect();
    Ok(Sessions { sessions, total: found.total, page, page_size })
}
