//! What people said was not them, and waits for an administrator.

use axum::{extract::State, response::Response};
use chrono::{DateTime, Utc};
use projections::CaseView;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use crate::{
    App,
    body::{Json, Path, Query},
    caller::Admin,
    envelope::{CallerProblems, Data, Problems, Success},
    problem::Problem,
};

/// The routes of this file.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(resolve))
}

/// Which cases to list.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Filter {
    /// `open` or `resolved`.
    status: Option<String>,
    /// How many to leave out.
    skip: Option<u32>,
    /// How many to list, 100 at most.
    limit: Option<u32>,
}

/// Cases.
#[derive(Serialize, ToSchema)]
struct Cases {
    items: Vec<Case>,
    total: i64,
    skip: u32,
    limit: u32,
}

/// Something that a person said was not them.
#[derive(Clone, Serialize, ToSchema)]
struct Case {
    id: Uuid,
    user_id: Uuid,
    /// `open` or `resolved`.
    status: &'static str,
    /// From where in the log on everything was undone.
    undone_position: i64,
    opened_at: DateTime<Utc>,
    opened_position: i64,
    resolved_at: Option<DateTime<Utc>>,
    resolved_by: Option<Uuid>,
}

impl From<CaseView> for Case {
    fn from(view: CaseView) -> Self {
        Self {
            id: view.id,
            user_id: view.user_id,
            status: if view.resolved_at.is_some() { "resolved" } else { "open" },
            undone_position: view.undone_position,
            opened_at: view.opened_at,
            opened_position: view.opened_position,
            resolved_at: view.resolved_at,
            resolved_by: view.resolved_by,
        }
    }
}

/// What people said was not them
#[utoipa::path(get, path = "/v1/admin/cases", operation_id = "admin_cases", tag = "admin",
    params(Filter), responses((status = 200, body = Data<Cases>), CallerProblems, Problems))]
async fn list(
    State(app): State<App>,
    _admin: Admin,
    Query(filter): Query<Filter>,
) -> Result<Json<Data<Cases>>, Problem> {
    let is_open = match filter.status.as_deref() {
        None => None,
        Some("open") => Some(true),
        Some("resolved") => Some(false),
        Some(_) => return Err(Problem::invalid("/status", "this is `open` or `resolved`")),
    };
    let (skip, limit) = (filter.skip.unwrap_or(0), filter.limit.unwrap_or(20).clamp(1, 100));
    let found = app.queries.cases(is_open, skip, limit).await?;
    let items = found.items.into_iter().map(Case::from).collect();
    Ok(Json(Data::new("Cases", Cases { items, total: found.total, skip, limit })))
}

/// Settle a case
///
/// Say why in `X-Reason`.
#[utoipa::path(post, path = "/v1/admin/cases/{id}/resolve", operation_id = "admin_resolve_case",
    tag = "admin", params(("id" = Uuid, Path)),
    responses((status = 200, body = Success), CallerProblems, Problems))]
async fn resolve(
    State(app): State<App>,
    Admin(caller): Admin,
    Path(id): Path<Uuid>,
) -> Result<Response, Problem> {
    let done = app.commands.resolve_case(&caller, id).await?;
    Ok(app.done(done, |()| Json(Success::new("The case is settled"))).await)
}
