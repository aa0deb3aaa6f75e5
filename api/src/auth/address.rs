//! Moving to another address.

use axum::{
    extract::State,
    http::{HeaderMap, StatusCode},
    response::Response,
};
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
    question: "Please confirm that your account is to move to this address.",
    button: "Move my account here",
    action: "/v1/auth/confirm-email-change",
    wants_password: false,
};
const MOVED: &str = "Your account has this e-mail address now";

/// The routes of this file.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(change)).routes(routes!(show, confirm))
}

/// Another address.
#[derive(Deserialize, ToSchema)]
struct Change {
    #[schema(value_type = String, example = "ada@example.com")]
    new_email: Email,
    /// The password, once more.
    #[schema(format = Password)]
    password: String,
    /// A code, where two-factor authentication is on and the sign-in with it was not just now.
    code: Option<String>,
}

/// Move to another address
///
/// A link is mailed to the new address, and nothing changes before it is followed. Then the old address
/// gets a notice with a link that undoes it.
#[utoipa::path(post, path = "/v1/auth/change-email", operation_id = "change_email", tag = "auth",
    request_body = Change, responses((status = 202, body = Message), CallerProblems, Problems))]
async fn change(
    State(app): State<App>,
    caller: Caller,
    Json(body): Json<Change>,
) -> Result<Response, Problem> {
    let proof = Proof { password: Some(body.password), code: body.code };
    let done = app.commands.request_email_change(&caller, body.new_email, &proof).await?;
    let message = "A link is on its way to the new address";
    Ok(app.done(done, |()| (StatusCode::ACCEPTED, Json(Message { message }))).await)
}

/// The page of a mailed link
///
/// Only shows a button, because programs that scan mails follow links.
#[utoipa::path(get, path = "/v1/auth/confirm-email-change", operation_id = "show_confirm_email_change", tag = "auth", security(()), params(LinkToken),
    responses((status = 200, body = String, content_type = "text/html"), Problems))]
async fn show(Query(proof): Query<LinkToken>) -> Response {
    LINK.ask(&proof)
}

/// Prove your new address
#[utoipa::path(post, path = "/v1/auth/confirm-email-change", operation_id = "confirm_email_change", tag = "auth", security(()),
    request_body(content(
        (LinkToken = "application/json"), (LinkToken = "application/x-www-form-urlencoded"))),
    responses((status = 200, body = Message), CallerProblems, Problems))]
async fn confirm(
    State(app): State<App>,
    From(origin): From,
    headers: HeaderMap,
    JsonOrForm(proof): JsonOrForm<LinkToken>,
) -> Result<Response, Problem> {
    let moved = app.commands.confirm_email_change(&proof.token, &origin).await;
    page::answer(&app, &headers, moved.map_err(page::at_token), MOVED).await
}
