//! Giving a key another secret.

use axum::{
    extract::{FromRequest, Request, State},
    response::Response,
};
use chrono::TimeDelta;
use commands::{Caller, Proof, RotatedKey};
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use super::fields::KeyAnswer;
use crate::{
    App,
    body::{Json, Path},
    envelope::{CallerProblems, Problems},
    problem::Problem,
};

/// How long both secrets are good where nobody says.
const OVERLAP: u32 = 86_400;
/// And at the most.
const MOST: u32 = 30 * 86_400;

/// The routes of this file.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(regenerate)).routes(routes!(rotate))
}

/// Shows once more that it is the owner.
#[derive(Default, Deserialize, ToSchema)]
struct Regeneration {
    /// The password; not needed in the first hour after signing in.
    #[schema(format = Password)]
    password: Option<String>,
    /// A code, where two-factor authentication is on; likewise.
    code: Option<String>,
}

/// How long both secrets are good.
#[derive(Default, Deserialize, ToSchema)]
struct Rotation {
    /// A day where nothing is said, 30 days at most; 0 ends the old one at once.
    overlap_seconds: Option<u32>,
    /// The password; not needed in the first hour after signing in.
    #[schema(format = Password)]
    password: Option<String>,
    /// A code, where two-factor authentication is on; likewise.
    code: Option<String>,
}

/// A body that may be left out.
struct Perhaps<T>(T);

impl<T: Default + for<'de> Deserialize<'de>> FromRequest<App> for Perhaps<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, app: &App) -> Result<Self, Problem> {
        if request.headers().get("content-type").is_none() {
            return Ok(Self(T::default()));
        }
        Json::from_request(request, app).await.map(|json| Self(json.0))
    }
}

/// Give an API key another secret at once
///
/// The old one is dead. The new one is shown once.
#[utoipa::path(post, path = "/v1/settings/api-keys/{id}/regenerate", operation_id = "regenerate_api_key", tag = "api keys",
    params(("id" = Uuid, Path)), request_body = Option<Regeneration>,
    responses((status = 200, body = KeyAnswer), CallerProblems, Problems))]
async fn regenerate(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<Uuid>,
    Perhaps(body): Perhaps<Regeneration>,
) -> Result<Response, Problem> {
    let proof = Proof { password: body.password, code: body.code };
    let done = app.commands.rotate_api_key(&caller, (id, TimeDelta::zero()), &proof).await?;
    Ok(app.done(done, |rotated| Json(answer(rotated))).await)
}

/// Give an API key another secret, and time to change over
///
/// Both are good for the overlap. The new one is shown once.
#[utoipa::path(post, path = "/v1/settings/api-keys/{id}/rotate", operation_id = "rotate_api_key", tag = "api keys",
    params(("id" = Uuid, Path)), request_body = Option<Rotation>,
    responses((status = 200, body = KeyAnswer), CallerProblems, Problems))]
async fn rotate(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<Uuid>,
    Perhaps(body): Perhaps<Rotation>,
) -> Result<Response, Problem> {
    let seconds = body.overlap_seconds.unwrap_or(OVERLAP);
    if seconds > MOST {
        return Err(Problem::invalid("/overlap_seconds", "30 days (2592000) at most"));
    }
    let overlap = TimeDelta::seconds(seconds.into());
    let proof = Proof { password: body.password, code: body.code };
    let done = app.commands.rotate_api_key(&caller, (id, overlap), &proof).await?;
    Ok(app.done(done, |rotated| Json(answer(rotated))).await)
}

fn answer(RotatedKey { id, key, old_until }: RotatedKey) -> KeyAnswer {
    KeyAnswer { old_key_expires_at: old_until, ..KeyAnswer::new(id, key) }
}
