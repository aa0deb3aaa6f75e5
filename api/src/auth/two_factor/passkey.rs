//! Passkeys (`WebAuthn` Level 3): registering them, showing them, removing them. What is asked and answered
//! is what `PublicKeyCredential.parseCreationOptionsFromJSON`, `parseRequestOptionsFromJSON` and `toJSON`
//! read and write.

use axum::{extract::State, response::Response};
use chrono::{DateTime, Utc};
use commands::{
    Caller, PasskeyShown, Proof, PublicKeyCredential, Question, RegisterPublicKeyCredential,
};
use domain::{Text, factors};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use super::{
    fields::{Shown, Verification},
    verify::let_in,
};
use crate::{
    App,
    body::{IfAny, Json, Path},
    caller::Visitor,
    context::From,
    envelope::{CallerProblems, Problems, Success},
    problem::Problem,
};

/// The routes of this file.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(start_registration))
        .routes(routes!(finish_registration))
        .routes(routes!(start_login))
        .routes(routes!(finish_login))
        .routes(routes!(list, remove_all))
        .routes(routes!(remove))
}

/// What a passkey is asked for.
#[derive(Deserialize, ToSchema)]
#[schema(as = PasskeyWish)]
struct Wish {
    /// The sign-in that waits for a second factor.
    challenge_token: Option<String>,
    /// You have signed in, and show it again for what a session alone does not open.
    step_up: Option<bool>,
}

/// What to ask the browser.
#[derive(Serialize, ToSchema)]
struct Asked<T> {
    /// Comes back with the answer, once.
    ceremony_token: String,
    /// For `parseCreationOptionsFromJSON` or `parseRequestOptionsFromJSON`.
    #[serde(rename = "publicKey")]
    #[schema(value_type = Object)]
    public_key: T,
    /// Seconds that there are for an answer.
    expires_in: i64,
}

/// The browser's answer to `navigator.credentials.create`.
#[derive(Deserialize, ToSchema)]
struct Registration {
    ceremony_token: String,
    /// What to call it: "Telephone".
    #[schema(value_type = Option<String>)]
    name: Option<Text>,
    /// What `toJSON` says.
    #[schema(value_type = Object)]
    credential: RegisterPublicKeyCredential,
}

/// The browser's answer to `navigator.credentials.get`.
#[derive(Deserialize, ToSchema)]
struct Assertion {
    ceremony_token: String,
    /// What `toJSON` says.
    #[schema(value_type = Object)]
    credential: PublicKeyCredential,
    /// Whether this device shall not be asked again for 30 days, with a `challenge_token`.
    remember_device: Option<bool>,
}

/// Your passkeys.
#[derive(Serialize, ToSchema)]
struct Passkeys {
    passkeys: Vec<Passkey>,
}

/// A key pair that one of your devices holds.
#[derive(Serialize, ToSchema)]
struct Passkey {
    id: Uuid,
    name: Option<String>,
    created_at: DateTime<Utc>,
    last_used_at: Option<DateTime<Utc>>,
}

impl<T> std::convert::From<Question<T>> for Asked<T> {
    fn from(question: Question<T>) -> Self {
        let Question { token, options, expires_in } = question;
        Self { ceremony_token: token, public_key: options, expires_in }
    }
}

impl std::convert::From<factors::Passkey> for Passkey {
    fn from(passkey: factors::Passkey) -> Self {
        let name = passkey.name.known().map(Text::to_string);
        Self { id: passkey.id, name, created_at: passkey.at, last_used_at: passkey.used_at }
    }
}

/// Ask for a new passkey
///
/// Give the password, and a code where two-factor authentication is on; or sign in just before.
#[utoipa::path(post, path = "/v1/auth/2fa/webauthn/register/start", operation_id = "passkey_register_start", tag = "two-factor",
    request_body = Shown,
    responses((status = 200, body = Asked<Object>), CallerProblems, Problems))]
async fn start_registration(
    State(app): State<App>,
    caller: Caller,
    Json(body): Json<Shown>,
) -> Result<Response, Problem> {
    let question = app.commands.start_passkey(&caller, &body.into()).await?;
    Ok(answer(question))
}

/// Register a passkey
///
/// From then on it is a second factor, and a way in of its own where its device makes sure who you are.
#[utoipa::path(post, path = "/v1/auth/2fa/webauthn/register/finish", operation_id = "passkey_register_finish", tag = "two-factor",
    request_body = Registration,
    responses((status = 200, body = Verification), CallerProblems, Problems))]
async fn finish_registration(
    State(app): State<App>,
    caller: Caller,
    Json(body): Json<Registration>,
) -> Result<Response, Problem> {
    let name = body.name.map_or_else(|| Text::try_from("Passkey".to_owned()), Ok);
    let name = name.map_err(|error| Problem::invalid("/name", error.to_string()))?;
    let given = (&*body.ceremony_token, name);
    let done = app.commands.register_passkey(&caller, given, &body.credential).await;
    let done = done.map_err(|error| Problem::from(error).at("/credential"))?;
    Ok(app.done(done, |enrolled| Json(Verification::from(enrolled))).await)
}

/// Ask for a passkey
///
/// With a `challenge_token` as the second factor of a sign-in; with `step_up` once more of you who have
/// signed in; with neither any passkey of anybody, to sign in with nothing else.
#[utoipa::path(post, path = "/v1/auth/2fa/webauthn/login/start", operation_id = "passkey_login_start", tag = "two-factor",
    request_body = Wish, security((), ("bearer" = [])),
    responses((status = 200, body = Asked<Object>), CallerProblems, Problems))]
async fn start_login(
    State(app): State<App>,
    Visitor(caller): Visitor,
    Json(body): Json<Wish>,
) -> Result<Response, Problem> {
    let question = match (&body.challenge_token, body.step_up.unwrap_or(false)) {
        (Some(_), true) => return Err(Problem::invalid("/step_up", "not with a challenge_token")),
        (Some(token), false) => app.commands.ask_for_passkey_of(token).await?,
        (None, true) => app.commands.ask_caller_for_passkey(&caller?).await?,
        (None, false) => app.commands.ask_for_any_passkey()?,
    };
    Ok(answer(question))
}

/// Show a passkey
///
/// Lets you in, or lets your session do for five minutes what a session alone does not open.
#[utoipa::path(post, path = "/v1/auth/2fa/webauthn/login/finish", operation_id = "passkey_login_finish", tag = "two-factor",
    request_body = Assertion, security((), ("bearer" = [])),
    responses((status = 200, body = Verification), CallerProblems, Problems))]
async fn finish_login(
    State(app): State<App>,
    Visitor(caller): Visitor,
    From(origin): From,
    Json(body): Json<Assertion>,
) -> Result<Response, Problem> {
    let remember = body.remember_device.unwrap_or(false);
    let given = (&*body.ceremony_token, &body.credential);
    let caller = caller.ok();
    let done = app.commands.show_passkey(given, caller.as_ref(), remember, &origin).await?;
    let commands::Done { value, position } = done;
    match value {
        PasskeyShown::SignedIn(value) => Ok(let_in(&app, commands::Done { value, position }).await),
        PasskeyShown::SteppedUp { backup_codes_left } => {
            let done = commands::Done { value: backup_codes_left, position };
            Ok(app.done(done, |left| Json(Verification::of_session(left))).await)
        }
    }
}

/// Your passkeys
#[utoipa::path(get, path = "/v1/auth/2fa/webauthn", operation_id = "passkeys", tag = "two-factor",
    responses((status = 200, body = Passkeys), CallerProblems, Problems))]
async fn list(State(app): State<App>, caller: Caller) -> Result<Json<Passkeys>, Problem> {
    let passkeys = app.commands.passkeys(&caller).await?;
    Ok(Json(Passkeys { passkeys: passkeys.into_iter().map(Passkey::from).collect() }))
}

/// Remove all of your passkeys
///
/// As removing one of them.
#[utoipa::path(delete, path = "/v1/auth/2fa/webauthn", operation_id = "remove_passkeys", tag = "two-factor",
    request_body = Option<Shown>,
    responses((status = 200, body = Success), CallerProblems, Problems))]
async fn remove_all(
    State(app): State<App>,
    caller: Caller,
    IfAny(body): IfAny<Shown>,
) -> Result<Response, Problem> {
    let done = app.commands.remove_passkeys(&caller, None, &proof(body)).await?;
    Ok(app.done(done, |()| Json(Success::new("Passkeys removed"))).await)
}

/// Remove a passkey
///
/// Give the password, and a code where two-factor authentication is on; or show a passkey just before.
/// With your last factor two-factor authentication is turned off.
#[utoipa::path(delete, path = "/v1/auth/2fa/webauthn/{id}", operation_id = "remove_passkey", tag = "two-factor",
    params(("id" = Uuid, Path)), request_body = Option<Shown>,
    responses((status = 200, body = Success), CallerProblems, Problems))]
async fn remove(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<Uuid>,
    IfAny(body): IfAny<Shown>,
) -> Result<Response, Problem> {
    let done = app.commands.remove_passkeys(&caller, Some(id), &proof(body)).await?;
    Ok(app.done(done, |()| Json(Success::new("Passkey removed"))).await)
}

fn proof(body: Option<Shown>) -> Proof {
    body.map(Proof::from).unwrap_or_default()
}

fn answer<T: Serialize>(question: Question<T>) -> Response {
    use axum::response::IntoResponse;

    Json(Asked::from(question)).into_response()
}
