//! Proving a mailbox: by the mailed link's page, or by a program that has the token.

use axum::{
    extract::State,
    http::{HeaderMap, header},
    response::{IntoResponse, Response},
};
use domain::Email;
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::page;
use crate::{
    App,
    body::{Json, JsonOrForm, Query},
    context::From,
    envelope::{CallerProblems, Message, Problems},
    problem::Problem,
};

const VERIFIED: Message = Message { message: "Your e-mail address is verified" };

/// The routes of this file.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(show, verify)).routes(routes!(resend))
}

/// The token of a mailed link.
#[derive(Deserialize, ToSchema, IntoParams)]
#[into_params(parameter_in = Query)]
struct Proof {
    token: String,
}

/// An address.
#[derive(Deserialize, ToSchema)]
struct Mailbox {
    #[schema(value_type = String, example = "ada@example.org")]
    email: Email,
}

/// The page of a mailed link
///
/// Only shows a button, because programs that scan mails follow links. With
/// `Accept: application/json` it verifies.
#[utoipa::path(get, path = "/v1/auth/verify-email", operation_id = "show_verify_email", tag = "auth", security(()), params(Proof),
    responses(
        (status = 200, content((Message = "application/json"), (String = "text/html"))),
        CallerProblems, Problems))]
async fn show(
    State(app): State<App>,
    origin: From,
    headers: HeaderMap,
    Query(proof): Query<Proof>,
) -> Result<Response, Problem> {
    if !accepts(&headers, "application/json") {
        return Ok(page::ask(&proof.token));
    }
    prove(&app, origin, &proof).await
}

/// Prove your address
#[utoipa::path(post, path = "/v1/auth/verify-email", operation_id = "verify_email", tag = "auth", security(()),
    request_body(content(
        (Proof = "application/json"), (Proof = "application/x-www-form-urlencoded"))),
    responses((status = 200, body = Message), CallerProblems, Problems))]
async fn verify(
    State(app): State<App>,
    origin: From,
    headers: HeaderMap,
    JsonOrForm(proof): JsonOrForm<Proof>,
) -> Result<Response, Problem> {
    let outcome = prove(&app, origin, &proof).await;
    if !accepts(&headers, "text/html") {
        return outcome;
    }
    Ok(match outcome {
        Ok(_) => page::say(axum::http::StatusCode::OK, VERIFIED.message),
        Err(problem) => page::say(problem.status, &problem.detail),
    })
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

async fn prove(app: &App, From(origin): From, proof: &Proof) -> Result<Response, Problem> {
    let verified = app.commands.verify_email(&proof.token, &origin).await;
    let done = verified.map_err(|error| Problem::from(error).at("/token"))?;
    Ok(app.done(done, |_| Json(VERIFIED)).await)
}

fn accepts(headers: &HeaderMap, kind: &str) -> bool {
    let accept = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok());
    accept.is_some_and(|accept| accept.contains(kind))
}
