//! Setting factors up.

use axum::{extract::State, response::Response};
use commands::{Caller, Done};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::fields::{Setup, Shown};
use crate::{
    App,
    body::Json,
    envelope::{CallerProblems, Problems},
    problem::Problem,
};

/// What apps show beside the codes.
pub(super) const ISSUER: &str = "Annals";

/// The routes of this file.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(setup))
}

/// Set an app up
///
/// Give the password, or sign in again just before. It counts once a code was verified.
#[utoipa::path(post, path = "/v1/auth/2fa/setup", operation_id = "two_factor_setup", tag = "two-factor", request_body = Shown,
    responses((status = 200, body = Setup), CallerProblems, Problems))]
async fn setup(
    State(app): State<App>,
    caller: Caller,
    Json(body): Json<Shown>,
) -> Result<Response, Problem> {
    let done = app.commands.set_up_totp(&caller, &body.into(), ISSUER).await?;
    let done = Done { value: Setup::try_from(done.value)?, position: done.position };
    Ok(app.done(done, Json).await)
}
