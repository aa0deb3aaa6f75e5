//! Looking at factors, replacing backup codes, turning all of it off.

use axum::{extract::State, response::Response};
use commands::Caller;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::fields::{BackupCodes, Shown, Status};
use crate::{
    App,
    body::Json,
    envelope::{CallerProblems, Problems, Success},
    problem::Problem,
};

/// The routes of this file.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(status))
        .routes(routes!(regenerate))
        .routes(routes!(disable))
}

/// What is true of your factors
#[utoipa::path(get, path = "/v1/auth/2fa/status", operation_id = "two_factor_status", tag = "two-factor",
    responses((status = 200, body = Status), CallerProblems, Problems))]
async fn status(State(app): State<App>, caller: Caller) -> Result<Json<Status>, Problem> {
    Ok(Json(app.commands.two_factor_status(&caller).await?.into()))
}

/// Replace the backup codes
///
/// Give the password or a code. The old ones are good no more.
#[utoipa::path(post, path = "/v1/auth/2fa/backup-codes/regenerate", operation_id = "regenerate_backup_codes", tag = "two-factor",
    request_body = Shown,
    responses((status = 200, body = BackupCodes), CallerProblems, Problems))]
async fn regenerate(
    State(app): State<App>,
    caller: Caller,
    Json(body): Json<Shown>,
) -> Result<Response, Problem> {
    let done = app.commands.regenerate_backup_codes(&caller, &body.into()).await?;
    Ok(app.done(done, |backup_codes| Json(BackupCodes { backup_codes })).await)
}

/// Turn two-factor authentication off
///
/// Give the password and a code.
#[utoipa::path(post, path = "/v1/auth/2fa/disable", operation_id = "disable_two_factor", tag = "two-factor", request_body = Shown,
    responses((status = 200, body = Success), CallerProblems, Problems))]
async fn disable(
    State(app): State<App>,
    caller: Caller,
    Json(body): Json<Shown>,
) -> Result<Response, Problem> {
    let done = app.commands.disable_two_factor(&caller, &body.into()).await?;
    Ok(app.done(done, |()| Json(Success::new("Two-factor authentication disabled"))).await)
}
