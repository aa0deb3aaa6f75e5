//! The devices on which somebody is signed in, for administrators.

use axum::{extract::State, response::Response};
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use crate::{
    App,
    auth::session::{Filter, Revoked, Sessions, sessions},
    body::{Json, Path, Query},
    caller::Admin,
    envelope::{CallerProblems, Data, Problems, Success},
    problem::Problem,
};

/// The routes of this file.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list, revoke_all)).routes(routes!(revoke))
}

/// Where somebody is signed in
#[utoipa::path(get, path = "/v1/admin/users/{id}/sessions", operation_id = "admin_sessions", tag = "admin",
    params(("id" = Uuid, Path), Filter),
    responses((status = 200, body = Data<Sessions>), CallerProblems, Problems))]
async fn list(
    State(app): State<App>,
    Admin(caller): Admin,
    Path(id): Path<Uuid>,
    Query(filter): Query<Filter>,
) -> Result<Json<Data<Sessions>>, Problem> {
    if app.queries.user(id).await?.is_none() {
        return Err(Problem::missing("user"));
    }
    Ok(Json(Data::new("Sessions", sessions(&app, &caller, id, filter).await?)))
}

/// Sign one of somebody's devices out
#[utoipa::path(delete, path = "/v1/admin/users/{id}/sessions/{session}",
    operation_id = "admin_revoke_session", tag = "admin",
    params(("id" = Uuid, Path), ("session" = Uuid, Path)),
    responses((status = 200, body = Success), CallerProblems, Problems))]
async fn revoke(
    State(app): State<App>,
    Admin(caller): Admin,
    Path((id, session)): Path<(Uuid, Uuid)>,
) -> Result<Response, Problem> {
    let done = app.commands.revoke_session_of(&caller, id, session).await?;
    Ok(app.done(done, |()| Json(Success::new("Session revoked"))).await)
}

/// Sign all of somebody's devices out
#[utoipa::path(delete, path = "/v1/admin/users/{id}/sessions",
    operation_id = "admin_revoke_sessions", tag = "admin", params(("id" = Uuid, Path)),
    responses((status = 200, body = Data<Revoked>), CallerProblems, Problems))]
async fn revoke_all(
    State(app): State<App>,
    Admin(caller): Admin,
    Path(id): Path<Uuid>,
) -> Result<Response, Problem> {
    let done = app.commands.revoke_sessions_of(&caller, id).await?;
    let message = "Sessions revoked";
    Ok(app.done(done, |revoked| Json(Data::new(message, Revoked { message, revoked }))).await)
}
