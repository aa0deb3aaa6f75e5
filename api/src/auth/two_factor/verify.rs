//! Taking codes: for a factor that was set up, or for a sign-in that waits.

use axum::{
    extract::State,
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
};
use commands::{Answer, Caller, Done, Origin};
use domain::factors::DEVICE_LIFETIME;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::fields::{GivenCode, Verification};
use crate::{
    App,
    body::Json,
    context::{DEVICE_COOKIE, From},
    cookie::Cookie,
    envelope::{CallerProblems, Problems},
    problem::Problem,
};

/// The routes of this file.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(verify)).routes(routes!(verify_backup_code))
}

/// Verify a code
///
/// With a `challenge_token` it lets you in; without one it turns on the factor that was set up. Each
/// code is good once. Five wrong ones lock the factor for half an hour.
#[utoipa::path(post, path = "/v1/auth/2fa/verify", operation_id = "two_factor_verify", tag = "two-factor",
    request_body = GivenCode, security((), ("bearer" = [])),
    responses((status = 200, body = Verification), CallerProblems, Problems))]
async fn verify(
    State(app): State<App>,
    caller: Result<Caller, Problem>,
    From(origin): From,
    Json(body): Json<GivenCode>,
) -> Result<Response, Problem> {
    take(&app, caller, &origin, body).await
}

/// Verify a backup code
///
/// As `verify`; each backup code is good once.
#[utoipa::path(post, path = "/v1/auth/2fa/verify-backup-code", operation_id = "two_factor_verify_backup_code", tag = "two-factor",
    request_body = GivenCode, security((), ("bearer" = [])),
    responses((status = 200, body = Verification), CallerProblems, Problems))]
async fn verify_backup_code(
    State(app): State<App>,
    caller: Result<Caller, Problem>,
    From(origin): From,
    Json(body): Json<GivenCode>,
) -> Result<Response, Problem> {
    if body.challenge_token.is_some() {
        return take(&app, caller, &origin, body).await;
    }
    let done = app.commands.show_backup_code(&caller?, &body.code).await;
    let done = done.map_err(|error| Problem::from(error).at("/code"))?;
    Ok(app.done(done, |shown| Json(Verification::from(shown))).await)
}

async fn take(
    app: &App,
    caller: Result<Caller, Problem>,
    origin: &Origin,
    body: GivenCode,
) -> Result<Response, Problem> {
    let at_code = |error: commands::Error| Problem::from(error).at("/code");
    let Some(token) = &body.challenge_token else {
        let done = app.commands.enrol(&caller?, &body.code).await.map_err(at_code)?;
        return Ok(app.done(done, |enrolled| Json(Verification::from(enrolled))).await);
    };
    let remember = body.remember_device.unwrap_or(false);
    let done = app.commands.answer_challenge(token, &body.code, remember, origin).await;
    Ok(let_in(app, done.map_err(at_code)?).await)
}

/// Lets a person in, and has the browser keep what it shows if its device is remembered.
pub(super) async fn let_in(app: &App, done: Done<Answer>) -> Response {
    let cookie = done.value.device_token.as_deref().and_then(|token| cookie(app, token));
    let mut response =
        app.done(done, |answer| Json(Verification::from(answer)).into_response()).await;
    if let Some(cookie) = cookie {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    response
}

/// A browser shows it at the next sign-in, and no script reads it.
fn cookie(app: &App, token: &str) -> Option<HeaderValue> {
    let max_age = DEVICE_LIFETIME.num_seconds();
    let cookie = Cookie { name: DEVICE_COOKIE, value: token, max_age, same_site: "Strict" };
    cookie.header(&app.commands.policy().public_url)
}
