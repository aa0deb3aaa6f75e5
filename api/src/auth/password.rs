//! Passwords: changed, forgotten and chosen anew.

use axum::{extract::State, http::HeaderMap, response::Response};
use commands::{Caller, Proof};
use domain::Email;
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::page::{self, Link, LinkToken};
use crate::{
    App,
    body::{Json, JsonOrForm, Query},
    context::From,
    envelope::{CallerProblems, Message, Problems},
    problem::Problem,
};

const LINK: Link = Link {
    question: "Please choose a new password.",
    button: "Take this password",
    action: "/v1/auth/reset-password",
    wants_password: true,
};
const RESET: &str = "Your password is changed; sign in with it";

/// The routes of this file.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(change))
        .routes(routes!(forgot))
        .routes(routes!(show_reset, reset))
}

/// Another password.
#[derive(Deserialize, ToSchema)]
struct Change {
    /// The one there is.
    #[schema(format = Password)]
    current_password: String,
    /// 8 to 128 characters.
    #[schema(format = Password)]
    new_password: String,
    /// A code, where two-factor authentication is on and the sign-in with it was not just now.
    code: Option<String>,
}

/// An address.
#[derive(Deserialize, ToSchema)]
pub(super) struct Mailbox {
    #[schema(value_type = String, example = "ada@example.org")]
    pub email: Email,
}

/// The token of a mailed link, and another password.
#[derive(Deserialize, ToSchema)]
struct Reset {
    token: String,
    /// 8 to 128 characters.
    #[schema(format = Password)]
    new_password: String,
}

/// Change your password
///
/// Your other devices are signed out.
#[utoipa::path(post, path = "/v1/auth/change-password", operation_id = "change_password", tag = "auth",
    request_body = Change, responses((status = 200, body = Message), CallerProblems, Problems))]
async fn change(
    State(app): State<App>,
    caller: Caller,
    Json(body): Json<Change>,
) -> Result<Response, Problem> {
    let proof = Proof { password: Some(body.current_password), code: body.code };
    let changed = app.commands.change_password(&caller, &proof, &body.new_password).await;
    let done = changed.map_err(|error| Problem::from(error).at("/new_password"))?;
    let message = "Your password is changed, and your other devices are signed out";
    Ok(app.done(done, |()| Json(Message { message })).await)
}

/// Ask for a link to choose another password
///
/// The answer is always the same.
#[utoipa::path(post, path = "/v1/auth/forgot-password", operation_id = "forgot_password", tag = "auth", security(()),
    request_body = Mailbox, responses((status = 200, body = Message), Problems))]
async fn forgot(
    State(app): State<App>,
    From(origin): From,
    Json(body): Json<Mailbox>,
) -> Result<Json<Message>, Problem> {
    app.commands.forgot_password(&body.email, &origin).await?;
    Ok(Json(Message { message: "If this address has an account, a link is on its way" }))
}

/// The page of a mailed link
///
/// Only shows a form, because programs that scan mails follow links.
#[utoipa::path(get, path = "/v1/auth/reset-password", operation_id = "show_reset_password", tag = "auth", security(()), params(LinkToken),
    responses((status = 200, body = String, content_type = "text/html"), Problems))]
async fn show_reset(Query(token): Query<LinkToken>) -> Response {
    LINK.ask(&token)
}

/// Choose another password by a mailed link
///
/// All your devices are signed out, and none is signed in.
#[utoipa::path(post, path = "/v1/auth/reset-password", operation_id = "reset_password", tag = "auth", security(()),
    request_body(content(
        (Reset = "application/json"), (Reset = "application/x-www-form-urlencoded"))),
    responses((status = 200, body = Message), CallerProblems, Problems))]
async fn reset(
    State(app): State<App>,
    From(origin): From,
    headers: HeaderMap,
    JsonOrForm(body): JsonOrForm<Reset>,
) -> Result<Response, Problem> {
    let reset = app.commands.reset_password(&body.token, &body.new_password, &origin).await;
    let reset = reset.map_err(|error| {
        let problem = Problem::from(error);
        let is_token = problem.code == "invalid_token";
        problem.at(if is_token { "/token" } else { "/new_password" })
    });
    page::answer(&app, &headers, reset, RESET).await
}
