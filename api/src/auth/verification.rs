//! Proving a mailbox: by the mailed link's page, or by a program that has the token.

use axum::{
    extract::State,
    http::HeaderMap,
    response::{IntoResponse, Response},
};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
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

const VERIFIED: &str = "Your e-mail address is verified";

const LINK: Link = Link {
    question: "Please confirm that this address is yours.",
    button: "Confirm my e-mail address",
    action: "/v1/auth/verify-email",
    wants_password: false,
};

/// The routes of this file.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(show, verify)).routes(routes!(resend))
}

/// The page of a mailed link
///
/// Only shows a button, because programs that scan mails follow links. With
/// `Accept: application/json` it verifies.
#[utoipa::path(get, path = "/v1/auth/verify-email", operation_id = "show_verify_email", tag = "auth", security(()), params(LinkToken),
    responses(
        (status = 200, content((Message = "application/json"), (String = "text/html"))),
        CallerProblems, Problems))]
async fn show(
    State(app): State<App>,
    From(origin): From,
    headers: HeaderMap,
    Query(proof): Query<LinkToken>,
) -> Result<Response, Problem> {
    if !page::accepts(&headers, "application/json") {
        return Ok(LINK.ask(&proof));
    }
    let verified = app.commands.verify_email(&proof.token, &origin).await;
    let done = verified.map_err(page::at_token)?;
    Ok(app.done(done, |_| Json(Message { message: VERIFIED })).await)
}

/// Prove your address
#[utoipa::path(post, path = "/v1/auth/verify-email", operation_id = "verify_email", tag = "auth", security(()),
    request_body(content(
        (LinkToken = "application/json"), (LinkToken = "application/x-www-form-urlencoded"))),
    responses((status = 200, body = Message), CallerProblems, Problems))]
async fn verify(
    State(app): State<App>,
    From(origin): From,
    headers: HeaderMap,
    JsonOrForm(proof): JsonOrForm<LinkToken>,
) -> Result<Response, Problem> {
    let verified = app.commands.verify_email(&proof.token, &origin).await;
    page::answer(&app, &headers, verified.map_err(page::at_token), VERIFIED).await
}

/// Ask for another link
///
/// The answer is always the same.
#[utoipa::path(post, path = "/v1/auth/resend-verification", operation_id = "resend_verification", tag = "auth", security(()),
    request_body = Mailbox, responses((status = 200, body = Message), Problems))]
async fn resend(
    State(app): State<App>,
    From(origin): From,
    Json(body): Json<Mailbox>,
) -> Result<Response, Problem> {
    app.commands.resend_verification(&body.email, &origin).await?;
    let message = "If this address waits to be verified, a new link is on its way";
    Ok(Json(Message { message }).into_response())
}
