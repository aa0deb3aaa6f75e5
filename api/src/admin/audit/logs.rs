//! The audit log, all of it or one person's.

use axum::extract::State;
use projections::MAX_COUNT;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use super::{entry::Entry, filter::Filter};
use crate::{
    App,
    body::{Json, Path, Query},
    caller::Admin,
    envelope::{CallerProblems, Problems},
    problem::Problem,
};

/// How many entries are skipped at most; whoever wants more narrows the dates.
const MAX_SKIP: u32 = 10_000;

/// The routes of this file.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(logs)).routes(routes!(user))
}

/// Which part of a list is meant.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Part {
    /// How many to list, 100 at most.
    limit: Option<u32>,
    /// How many to leave out, 10000 at most.
    skip: Option<u32>,
}

/// Entries, the last first.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct Logs {
    items: Vec<Entry>,
    /// How many there are, counted up to 100000.
    total: i64,
    /// Whether there are more than were counted.
    is_total_exact: bool,
    /// From 1.
    page: u32,
    limit: u32,
    has_more: bool,
}

/// The audit log
///
/// One entry per event of the log, the last first.
#[utoipa::path(get, path = "/v1/admin/audit/logs", operation_id = "audit_logs", tag = "admin",
    params(Part, Filter), responses((status = 200, body = Logs), CallerProblems, Problems))]
async fn logs(
    State(app): State<App>,
    _admin: Admin,
    Query(part): Query<Part>,
    Query(filter): Query<Filter>,
) -> Result<Json<Logs>, Problem> {
    Ok(Json(list(&app, &part, &filter).await?))
}

/// What a person did, and what was done about them
#[utoipa::path(get, path = "/v1/admin/audit/user/{id}", operation_id = "audit_user", tag = "admin",
    params(("id" = Uuid, Path), Part, Filter),
    responses((status = 200, body = Logs), CallerProblems, Problems))]
async fn user(
    State(app): State<App>,
    _admin: Admin,
    Path(id): Path<Uuid>,
    Query(part): Query<Part>,
    Query(filter): Query<Filter>,
) -> Result<Json<Logs>, Problem> {
    if !app.queries.is_audited(id).await? {
        return Err(Problem::missing("user"));
    }
    let filter = Filter { user_id: Some(id), ..filter };
    Ok(Json(list(&app, &part, &filter).await?))
}

async fn list(app: &App, part: &Part, filter: &Filter) -> Result<Logs, Problem> {
    let limit = part.limit.unwrap_or(50).clamp(1, 100);
    let skip = part.skip.unwrap_or(0);
    if skip > MAX_SKIP {
        return Err(Problem::invalid("/skip", "at most 10000; narrow the dates instead"));
    }
    let filter = filter.read(app).await?;
    let found = app.queries.audit(&filter, skip, limit).await?;
    let shown = i64::from(skip) + i64::try_from(found.entries.len()).unwrap_or(0);
    Ok(Logs {
        items: found.entries.into_iter().map(Entry::from).collect(),
        total: found.total,
        is_total_exact: found.total < MAX_COUNT,
        page: skip / limit + 1,
        limit,
        has_more: shown < found.total,
    })
}
