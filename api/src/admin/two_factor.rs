//! Letting somebody in again who has lost all factors.

use axum::{extract::State, response::Response};
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use crate::{
    App,
    body::{Json, Path},
    caller::Admin,
    envelope::{CallerProblems, Problems, Success},
    problem::Problem,
};

/// The routes of this file.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(reset))
}

/// Turn somebody's two-factor authentication off
///
/// The person is told by mail. Of administrators only by a superuser.
#[utoipa::path(post, path = "/v1/admin/users/{id}/reset-two-factor", operation_id = "admin_reset_two_factor", tag = "admin",
    params(("id" = Uuid, Path)),
    responses((status = 200, body = Success), CallerProblems, Problems))]
async fn reset(
    State(app): State<App>,
    Admin(caller): Admin,
    Path(id): Path<Uuid>,
) -> Result<Response, Problem> {
    let done = app.commands.reset_two_factor(&caller, id).await?;
    Ok(app.done(done, |()| Json(Success::new("Two-factor authentication reset"))).await)
}
