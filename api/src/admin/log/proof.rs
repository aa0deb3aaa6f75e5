//! Signed tree heads and proofs, for auditors.

use axum::{
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use eventlog::{EventProof, Position, ProofError, TreeHead};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::event::page;
use crate::{
    App,
    body::{Json, Path, Query},
    caller::Admin,
    envelope::{CallerProblems, Problems},
    problem::Problem,
};

/// The routes of this file.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(heads))
        .routes(routes!(key))
        .routes(routes!(checkpoint))
        .routes(routes!(proof))
}

/// Which heads to list.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Filter {
    /// The size after which to begin.
    after: Option<Position>,
    /// How many to list, 500 at most.
    limit: Option<i64>,
}

/// Signed tree heads in the order of their sizes.
#[derive(Serialize, ToSchema)]
#[expect(clippy::struct_field_names, reason = "the names are those of the API")]
struct Heads {
    /// The key that they are signed with, as `name+id+key`.
    key: String,
    #[schema(value_type = Vec<Object>)]
    heads: Vec<TreeHead>,
    /// The newest of all.
    #[schema(value_type = Option<Object>)]
    latest: Option<TreeHead>,
    /// The `after` of the next answer; none where this one is the last.
    next: Option<Position>,
}

/// The public key of the log.
#[derive(Serialize, ToSchema)]
struct Key {
    /// As `name+id+key`, the form of signed notes.
    key: String,
}

/// What a proof is to begin with.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Since {
    /// The size of an older head: the answer proves that the log goes on from there.
    from: Option<Position>,
}

/// Signed tree heads
#[utoipa::path(get, path = "/v1/admin/log/heads", operation_id = "log_heads", tag = "admin",
    params(Filter),
    responses((status = 200, body = Heads), CallerProblems, Problems))]
async fn heads(
    State(app): State<App>,
    _admin: Admin,
    Query(filter): Query<Filter>,
) -> Result<Json<Heads>, Problem> {
    let (after, limit) = page(filter.after, filter.limit)?;
    let log = app.commands.log();
    let latest = log.tree_head().await?;
    let heads = log.heads(after, limit).await?;
    let last = heads.last().map(|head| head.size);
    let next = last.filter(|last| latest.as_ref().is_some_and(|latest| *last < latest.size));
    Ok(Json(Heads { key: log.public_key().to_string(), heads, latest, next }))
}

/// The key that tree heads are signed with
#[utoipa::path(get, path = "/v1/admin/log/key", operation_id = "log_key", tag = "admin",
    responses((status = 200, body = Key), CallerProblems, Problems))]
async fn key(State(app): State<App>, _admin: Admin) -> Json<Key> {
    Json(Key { key: app.commands.log().public_key().to_string() })
}

/// The newest signed tree head as a checkpoint
///
/// In the form of <https://c2sp.org/tlog-checkpoint>, for keeping and for witnesses.
#[utoipa::path(get, path = "/v1/admin/log/checkpoint", operation_id = "log_checkpoint",
    tag = "admin",
    responses((status = 200, body = String, content_type = "text/plain"), CallerProblems, Problems))]
async fn checkpoint(State(app): State<App>, _admin: Admin) -> Result<Response, Problem> {
    let head = app.commands.log().tree_head().await?;
    let head = head.ok_or_else(|| Problem::missing("tree head yet"))?;
    let kind = [(header::CONTENT_TYPE, "text/plain; charset=utf-8")];
    Ok((kind, head.note()).into_response())
}

/// That an event is in the log
///
/// The event as it is stored, the newest signed head, and the digests between them. With `from`, also
/// that the log grew from what it was at that size. `annals log verify --offline` checks the answer.
#[utoipa::path(get, path = "/v1/admin/log/proof/{position}", operation_id = "log_proof",
    tag = "admin", params(("position" = i64, Path), Since),
    responses((status = 200, body = Object), CallerProblems, Problems))]
async fn proof(
    State(app): State<App>,
    _admin: Admin,
    Path(position): Path<Position>,
    Query(since): Query<Since>,
) -> Result<Json<EventProof>, Problem> {
    let log = app.commands.log();
    let sealed = log.tree_head().await?.map_or(0, |head| head.size);
    if !(1..=sealed).contains(&position) {
        return Err(Problem::missing("event under a signed head"));
    }
    if since.from.is_some_and(|from| !(1..=sealed).contains(&from)) {
        return Err(Problem::invalid("/from", format!("between 1 and {sealed}")));
    }
    Ok(Json(log.prove(position, since.from).await?))
}

impl From<ProofError> for Problem {
    fn from(error: ProofError) -> Self {
        match error {
            ProofError::Beyond { .. } => Self::missing("event under a signed head"),
            ProofError::Log(error) if error.is::<eventlog::Misfit>() => {
                tracing::error!("ALARM: {error}");
                let detail = "the log is not what was sealed; /v1/admin/log/verify names the place";
                Self::new(StatusCode::INTERNAL_SERVER_ERROR, "log_not_as_sealed", detail)
            }
            ProofError::Log(error) => error.into(),
        }
    }
}
