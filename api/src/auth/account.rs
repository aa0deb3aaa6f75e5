//! Opening an account, signing in and out, and who one is.

use axum::{
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use commands::{Caller, Registered};
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use super::fields::{Login, Me, Registration, SignInAnswer, Tokens};
use crate::{
    App,
    body::{Json, JsonOrForm},
    context::From,
    envelope::{CallerProblems, Message, Problems},
    problem::Problem,
};

/// The routes of this file.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(register))
        .routes(routes!(login))
        .routes(routes!(refresh))
        .routes(routes!(logout))
        .routes(routes!(me, super::profile::change))
        .routes(routes!(verify_token))
}

/// A refresh token.
#[derive(Deserialize, ToSchema)]
struct Refresh {
    refresh_token: String,
}

/// An access token.
#[derive(Deserialize, ToSchema)]
struct Token {
    token: String,
}

/// Open an account
///
/// Signs the person in, and mails a link that proves the address. Where the operator lets nobody learn
/// which addresses have accounts (`ANNALS_ENUMERATION_SAFE`), the answer is always 202 and the mailbox
/// is told the rest; one signs in once the link was followed.
#[utoipa::path(post, path = "/v1/auth/register", tag = "auth", security(()),
    request_body = Registration,
    responses((status = 201, body = SignInAnswer), (status = 202, body = Message), CallerProblems, Problems))]
async fn register(
    State(app): State<App>,
    From(origin): From,
    Json(body): Json<Registration>,
) -> Result<Response, Problem> {
    let registered = app.commands.register(body.try_into()?, &origin).await;
    let registered = registered.map_err(|error| Problem::from(error).at("/password"))?;
    let Registered::SignedIn(done) = registered else {
        let message = "Look into your mailbox: a mail says how to go on";
        return Ok((StatusCode::ACCEPTED, Json(Message { message })).into_response());
    };
    Ok(app.done(done, |new| (StatusCode::CREATED, Json(SignInAnswer::from(new)))).await)
}

/// Sign in
///
/// As JSON, or as the form of OAuth's password grant. Where two-factor authentication is on, the answer
/// is a challenge; `POST /v1/auth/2fa/verify` takes the code for it. A device that was remembered is not
/// asked; it shows its token in the cookie `annals_device` or in `X-Device-Token`.
#[utoipa::path(post, path = "/v1/auth/login", tag = "auth", security(()),
    request_body(content(
        (Login = "application/json"), (Login = "application/x-www-form-urlencoded"))),
    responses((status = 200, body = SignInAnswer), CallerProblems, Problems))]
async fn login(
    State(app): State<App>,
    From(origin): From,
    JsonOrForm(body): JsonOrForm<Login>,
) -> Result<Response, Problem> {
    let done = app.commands.sign_in(body.try_into()?, &origin).await?;
    Ok(app.done(done, |sign_in| Json(SignInAnswer::from(sign_in))).await)
}

/// Stay signed in
///
/// Each refresh token is good once; one that comes back later ends the session.
#[utoipa::path(post, path = "/v1/auth/refresh", tag = "auth", security(()),
    request_body = Refresh,
    responses((status = 200, body = Tokens), CallerProblems, Problems))]
async fn refresh(
    State(app): State<App>,
    From(origin): From,
    Json(body): Json<Refresh>,
) -> Result<Response, Problem> {
    let done = app.commands.refresh(&body.refresh_token, &origin).await?;
    Ok(app.done(done, |signed_in| Json(Tokens::from(signed_in))).await)
}

/// Sign out
///
/// The access token and the refresh token are dead from now on.
#[utoipa::path(post, path = "/v1/auth/logout", tag = "auth",
    responses((status = 200, body = Message), CallerProblems, Problems))]
async fn logout(State(app): State<App>, caller: Caller) -> Result<Response, Problem> {
    let done = app.commands.sign_out(&caller).await?;
    Ok(app.done(done, |()| Json(Message { message: "Successfully logged out" })).await)
}

/// Who you are
#[utoipa::path(get, path = "/v1/auth/me", tag = "auth",
    responses((status = 200, body = Me), CallerProblems, Problems))]
async fn me(State(app): State<App>, caller: Caller) -> Result<Json<Me>, Problem> {
    caller.scope("account")?;
    person(&app, caller.user).await
}

/// Whose token this is
#[utoipa::path(post, path = "/v1/auth/verify-token", tag = "auth", security(()),
    request_body = Token,
    responses((status = 200, body = Me), CallerProblems, Problems))]
async fn verify_token(
    State(app): State<App>,
    From(origin): From,
    Json(body): Json<Token>,
) -> Result<Json<Me>, Problem> {
    let caller = app.commands.authenticate(&body.token, origin).await?;
    caller.scope("account")?;
    person(&app, caller.user).await
}

/// A person as the read models know them.
pub(super) async fn person(app: &App, user: Uuid) -> Result<Json<Me>, Problem> {
    let view = app.queries.user(user).await?;
    let view = view.ok_or_else(|| Problem::unavailable("this account is not readable yet"))?;
    Ok(Json(view.into()))
}
