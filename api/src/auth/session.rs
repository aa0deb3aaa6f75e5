//! The devices on which a person is signed in.

use axum::extract::State;
use chrono::{DateTime, Utc};
use commands::{Caller, Credential};
use projections::SessionView;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use crate::{
    App,
    body::{Json, Query},
    envelope::{CallerProblems, Problems},
    problem::Problem,
};

/// The routes of this file.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list))
}

/// Which devices to list.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Filter {
    /// `active`, `expired`, `logged_out`, `token_reused` or `revoked`.
    status: Option<String>,
    /// From 1.
    page: Option<u32>,
    /// 100 at most.
    page_size: Option<u32>,
}

/// Devices.
#[derive(Serialize, ToSchema)]
#[expect(clippy::struct_field_names, reason = "the names are those of the API")]
struct Sessions {
    sessions: Vec<Session>,
    total: i64,
    page: u32,
    page_size: u32,
}

/// A device on which a person is or was signed in.
#[derive(Serialize, ToSchema)]
struct Session {
    /// Opens nothing.
    id: Uuid,
    created_at: DateTime<Utc>,
    last_seen_at: DateTime<Utc>,
    ip: Option<String>,
    user_agent: Option<String>,
    /// Whether this request comes from it.
    current: bool,
    status: String,
}

impl Session {
    fn of(view: SessionView, caller: &Caller) -> Self {
        Self {
            current: caller.credential == Credential::Session(view.id),
            id: view.id,
            created_at: view.started_at,
            last_seen_at: view.last_refreshed_at,
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
    let page = filter.page.unwrap_or(1).max(1);
    let page_size = filter.page_size.unwrap_or(20).clamp(1, 100);
    let status = filter.status.map(|status| status.to_lowercase());
    let found = app.queries.sessions(caller.user, status.as_deref(), page, page_size).await?;
    let sessions = found.items.into_iter().map(|view| Session::of(view, &caller)).collect();
    Ok(Json(Sessions { sessions, total: found.total, page, page_size }))
}
