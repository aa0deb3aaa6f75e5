//! Signing in by a mailed link.

use axum::{extract::State, response::Response};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    fields::SignInAnswer,
    page::{self, Link, LinkToken},
    password::Mailbox,
};
use crate::{
    App,
    body::{Json, JsonOrForm, Query},
    context::From,
    envelope::{CallerProblems, Message, Problems},
    problem::Problem,
};

const LINK: Link = Link {
    question: "Do you want to sign in?",
    button: "Sign in",
    action: "/v1/auth/magic-link/verify",
    wants_password: false,
};

/// The routes of this file.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(request)).routes(routes!(show, verify))
}

/// Ask for a link to sign in
///
/// The answer is always the same.
#[utoipa::path(post, path = "/v1/auth/magic-link", operation_id = "magic_link", tag = "auth", security(()),
    request_body = Mailbox, responses((status = 200, body = Message), Problems))]
async fn request(
    State(app): State<App>,
    From(origin): From,
    Json(body): Json<Mailbox>,
) -> Result<Json<Message>, Problem> {
    app.commands.request_magic_link(&body.email, &origin).await?;
    Ok(Json(Message { message: "If this address has an account, a link is on its way" }))
}

/// The page of a mailed link
///
/// Only shows a button, because programs that scan mails follow links.
#[utoipa::path(get, path = "/v1/auth/magic-link/verify", operation_id = "show_magic_link", tag = "auth", security(()), params(LinkToken),
    responses((status = 200, body = String, content_type = "text/html"), Problems))]
async fn show(Query(proof): Query<LinkToken>) -> Response {
    LINK.ask(&proof)
}

/// Sign in by a mailed link
///
/// It is good once. Where two-factor authentication is on, the answer is a challenge, as with `login`.
#[utoipa::path(post, path = "/v1/auth/magic-link/verify", operation_id = "verify_magic_link", tag = "auth", security(()),
    request_body(content(
        (LinkToken = "application/json"), (LinkToken = "application/x-www-form-urlencoded"))),
    responses((status = 200, body = SignInAnswer), CallerProblems, Problems))]
async fn verify(
    State(app): State<App>,
    From(origin): From,
    JsonOrForm(proof): JsonOrForm<LinkToken>,
) -> Result<Response, Problem> {
    let signed_in = app.commands.sign_in_by_link(&proof.token, &origin).await;
    let done = signed_in.map_err(page::at_token)?;
    Ok(app.done(done, |sign_in| Json(SignInAnswer::from(sign_in))).await)
}
