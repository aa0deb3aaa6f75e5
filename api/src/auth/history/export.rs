//! One's own history as a file that proves itself.

use axum::{
    extract::State,
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
};
use chrono::{DateTime, Utc};
use commands::Caller;
use eventlog::HISTORY_FORM;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use super::{History, Part};
use crate::{
    App,
    body::{Json, Query},
    envelope::{CallerProblems, Problems},
    problem::Problem,
};

/// Items of a file at most.
const MAX_ITEMS: u32 = 500;

/// The routes of this file.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(export))
}

/// Which part of the history to take away.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Cut {
    /// How many items, 500 at most.
    limit: Option<u32>,
    /// Where an earlier file ended (`nextCursor`).
    cursor: Option<String>,
}

/// A history with its proofs.
#[derive(Serialize, ToSchema)]
struct Bundle {
    /// The name of this form.
    #[schema(example = "annals-history-1")]
    form: &'static str,
    user_id: Uuid,
    generated_at: DateTime<Utc>,
    #[serde(flatten)]
    history: History,
}

/// Take your history away
///
/// A file with the last 500 things that happened and a proof of each: the digest of `leaf` (RFC
/// 6962), combined with the digests of the `path`, is the `root` of the signed tree head. `annals log
/// verify --offline FILE` checks it. Goes on with `cursor`. An API key needs the scope `account`.
#[utoipa::path(get, path = "/v1/auth/me/history/export", operation_id = "my_history_export",
    tag = "auth", params(Cut), responses((status = 200, body = Bundle), CallerProblems, Problems))]
async fn export(
    State(app): State<App>,
    caller: Caller,
    Query(cut): Query<Cut>,
) -> Result<Response, Problem> {
    caller.scope("account")?;
    let limit = cut.limit.unwrap_or(MAX_ITEMS).clamp(1, MAX_ITEMS);
    let part = Part { cursor: cut.cursor, proofs: Some(true), limit: None, action: None };
    let history = part.read(&app, caller.user, limit).await?;
    let bundle =
        Bundle { form: HISTORY_FORM, user_id: caller.user, generated_at: app.now(), history };
    let mut response = Json(bundle).into_response();
    let attached = HeaderValue::from_static("attachment; filename=\"history.json\"");
    response.headers_mut().insert(header::CONTENT_DISPOSITION, attached);
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}
