//! Codes that are sent: asking for one, and setting up where they go.

use axum::{
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use commands::{Caller, Done, Proof};
use domain::factors::{CHALLENGE_LIFETIME, CODE_LIFETIME, Method, PhoneNumber};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{enrol::ISSUER, fields::Setup};
use crate::{
    App,
    body::Json,
    context::From,
    envelope::{CallerProblems, Problems},
    problem::Problem,
};

/// The routes of this file.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(enable)).routes(routes!(send_code))
}

/// A factor to turn on.
#[derive(Deserialize, ToSchema)]
struct Enable {
    /// `totp`, `sms` or `email`; `sms` where there is only a number.
    #[schema(value_type = Option<String>)]
    method: Option<Method>,
    /// Where codes go, with the country code.
    #[schema(value_type = Option<String>, example = "+14155552671")]
    phone_number: Option<PhoneNumber>,
    /// The password; not needed for some minutes after signing in.
    #[schema(format = Password)]
    password: Option<String>,
    /// The code that shows the factor. Without one it is set up, and a code sent where it is of that kind.
    code: Option<String>,
    /// Of a factor that is asked for already.
    second_factor_code: Option<String>,
}

/// What turning a factor on has come to.
#[derive(Serialize, ToSchema)]
struct Enabled {
    success: bool,
    message: &'static str,
    /// Whether a code has to be shown yet.
    pending: bool,
    /// Seconds until then.
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_in: Option<i64>,
    /// With a first factor: ten codes for when all else is lost, never to be seen again.
    #[serde(skip_serializing_if = "Option::is_none")]
    backup_codes: Option<Vec<String>>,
    /// For an app: what it needs.
    #[serde(flatten)]
    setup: Option<Setup>,
}

/// A code to send.
#[derive(Deserialize, ToSchema)]
struct CodeWish {
    /// The sign-in that it is for; none where you have signed in.
    challenge_token: Option<String>,
    /// `sms` or `email`; the first of them that you have, where nothing is said.
    #[schema(value_type = Option<String>)]
    method: Option<Method>,
}

/// A code that is on its way.
#[derive(Serialize, ToSchema)]
struct Sent {
    success: bool,
    message: &'static str,
    /// Seconds that it is good for.
    expires_in: i64,
}

impl Enabled {
    fn pending(expires_in: i64, setup: Option<Setup>) -> Self {
        let message = "Verify a code to turn this on";
        let expires_in = Some(expires_in);
        Self { success: true, message, pending: true, expires_in, backup_codes: None, setup }
    }
}

/// Turn a factor on
///
/// Sets it up and sends a code where it is of that kind (202); the same with a `code`, or `verify`, turns
/// it on (200). Give the password, or sign in just before.
#[utoipa::path(post, path = "/v1/auth/2fa/enable", operation_id = "enable_two_factor", tag = "two-factor", request_body = Enable,
    responses((status = 200, body = Enabled), (status = 202, body = Enabled), CallerProblems, Problems))]
async fn enable(
    State(app): State<App>,
    caller: Caller,
    Json(body): Json<Enable>,
) -> Result<Response, Problem> {
    if let Some(code) = &body.code {
        let done = app.commands.enrol(&caller, code).await;
        let done = done.map_err(|error| Problem::from(error).at("/code"))?;
        let message = "Two-factor authentication enabled successfully";
        let answer = |backup_codes| Enabled {
            success: true,
            message,
            pending: false,
            expires_in: None,
            backup_codes,
            setup: None,
        };
        return Ok(app.done(done, |enrolled| Json(answer(enrolled.backup_codes))).await);
    }
    let done = set_up(&app, &caller, body).await?;
    Ok(app.done(done, |answer| (StatusCode::ACCEPTED, Json(answer)).into_response()).await)
}

async fn set_up(app: &App, caller: &Caller, body: Enable) -> Result<Done<Enabled>, Problem> {
    let proof = Proof { password: body.password, code: body.second_factor_code };
    let seconds = CODE_LIFETIME.num_seconds();
    let required = || Problem::invalid("/phone_number", "this field is required");
    match (body.method, body.phone_number) {
        (Some(Method::Totp), _) => {
            let done = app.commands.set_up_totp(caller, &proof, ISSUER).await?;
            let setup = Setup::try_from(done.value)?;
            let value = Enabled::pending(CHALLENGE_LIFETIME.num_seconds(), Some(setup));
            Ok(Done { value, position: done.position })
        }
        (Some(Method::Email), _) => {
            let done = app.commands.set_up_email(caller, &proof).await?;
            Ok(Done { value: Enabled::pending(seconds, None), position: done.position })
        }
        (Some(Method::Sms) | None, phone) => {
            let phone = phone.ok_or_else(required)?;
            let done = app.commands.set_up_phone(caller, &proof, phone).await?;
            Ok(Done { value: Enabled::pending(seconds, None), position: done.position })
        }
        (Some(Method::BackupCode | Method::Passkey), _) => {
            Err(Problem::invalid("/method", "one of totp, sms, email"))
        }
    }
}

/// Send a code
///
/// To the telephone or the mailbox; half a minute has to pass between two.
#[utoipa::path(post, path = "/v1/auth/2fa/send-code", operation_id = "send_code", tag = "two-factor",
    request_body = CodeWish, security((), ("bearer" = [])),
    responses((status = 200, body = Sent), CallerProblems, Problems))]
async fn send_code(
    State(app): State<App>,
    caller: Result<Caller, Problem>,
    From(origin): From,
    Json(body): Json<CodeWish>,
) -> Result<Response, Problem> {
    let sent = match &body.challenge_token {
        Some(token) => app.commands.send_challenge_code(token, body.method, &origin).await,
        None => app.commands.send_code(&caller?, body.method).await,
    };
    let done = sent.map_err(|error| Problem::from(error).at("/method"))?;
    let answer = |method| {
        let is_sms = method == Method::Sms;
        let message = if is_sms { "A code was sent by SMS" } else { "A code was mailed" };
        Sent { success: true, message, expires_in: CODE_LIFETIME.num_seconds() }
    };
    Ok(app.done(done, |method| Json(answer(method))).await)
}
