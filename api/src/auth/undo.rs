//! "This was not me": the link of every security notice.

use axum::{extract::State, http::HeaderMap, response::Response};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::page::{self, Link, LinkToken};
use crate::{
    App,
    body::{JsonOrForm, Query},
    context::From,
    envelope::{CallerProblems, Message, Problems},
    problem::Problem,
};

const LINK: Link = Link {
    question: "Was this not you? Your address, your password and your second factors are put back as \
        they were before, and all devices are signed out.",
    button: "This was not me",
    action: "/v1/auth/undo",
    wants_password: false,
};
const UNDONE: &str = "Your account is as it was before, and all devices are signed out. If somebody \
    else may know your password, choose a new one. An administrator looks at what happened.";

/// The routes of this file.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(show, undo))
}

/// The page of the link in a security notice
///
/// Only shows a button, because programs that scan mails follow links.
#[utoipa::path(get, path = "/v1/auth/undo", operation_id = "show_undo", tag = "auth", security(()), params(LinkToken),
    responses((status = 200, body = String, content_type = "text/html"), Problems))]
async fn show(Query(proof): Query<LinkToken>) -> Response {
    LINK.ask(&proof)
}

/// This was not me
///
/// Puts address, password and second factors back as they were before what the notice tells of. All
/// devices are signed out and asked for a factor again, API keys made since are dead, and an
/// administrator gets a case.
#[utoipa::path(post, path = "/v1/auth/undo", operation_id = "undo", tag = "auth", security(()),
    request_body(content(
        (LinkToken = "application/json"), (LinkToken = "application/x-www-form-urlencoded"))),
    responses((status = 200, body = Message), CallerProblems, Problems))]
async fn undo(
    State(app): State<App>,
    From(origin): From,
    headers: HeaderMap,
    JsonOrForm(proof): JsonOrForm<LinkToken>,
) -> Result<Response, Problem> {
    let undone = app.commands.undo(&proof.token, &origin).await;
    page::answer(&app, &headers, undone.map_err(page::at_token), UNDONE).await
}
