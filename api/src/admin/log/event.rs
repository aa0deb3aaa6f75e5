//! The events of the log in their order.

use axum::extract::State;
use eventlog::{Position, RevealedEvent};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    App,
    body::{Json, Query},
    caller::Admin,
    envelope::{CallerProblems, Problems},
    problem::Problem,
};

/// Events in an answer where nothing is said.
const USUAL: i64 = 50;
/// Events in an answer at most.
pub(super) const MOST: i64 = 500;

/// The routes of this file.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(log))
}

/// Which events to list.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Filter {
    /// The position after which to begin.
    after: Option<Position>,
    /// How many to list, 500 at most.
    limit: Option<i64>,
    /// The name of the only type to list, such as `user.registered`.
    r#type: Option<String>,
}

/// Events in the order of their positions.
#[derive(Serialize, ToSchema)]
#[expect(clippy::struct_field_names, reason = "the names are those of the API")]
struct Events {
    #[schema(value_type = Vec<Object>)]
    events: Vec<RevealedEvent>,
    /// The `after` of the next answer; none where this one is the last.
    next: Option<Position>,
    /// The last position there is.
    head: Position,
}

/// What of a list is asked for: the place after which to begin, and how much.
pub(super) fn page(after: Option<i64>, limit: Option<i64>) -> Result<(i64, i64), Problem> {
    let after = after.unwrap_or(0);
    if after < 0 {
        return Err(Problem::invalid("/after", "not below 0"));
    }
    Ok((after, limit.unwrap_or(USUAL).clamp(1, MOST)))
}

/// The events of the log
///
/// Personal data is opened; what was erased is shown as `{"erased": true}`.
#[utoipa::path(get, path = "/v1/admin/log", operation_id = "admin_log", tag = "admin",
    params(Filter),
    responses((status = 200, body = Events), CallerProblems, Problems))]
async fn log(
    State(app): State<App>,
    _admin: Admin,
    Query(filter): Query<Filter>,
) -> Result<Json<Events>, Problem> {
    let (after, limit) = page(filter.after, filter.limit)?;
    let log = app.commands.log();
    let head = log.head().await?;
    let events = match &filter.r#type {
        None => log.read_at_most(after, limit).await?,
        Some(name) => log
            .of_type(name, after, limit)
            .await?
            .ok_or_else(|| Problem::invalid("/type", "there are no events of this type"))?,
    };
    let last = events.last().map(|event| event.position);
    let is_full = i64::try_from(events.len()).is_ok_and(|count| count == limit);
    let next = last.filter(|last| *last < head && (is_full || filter.r#type.is_none()));
    Ok(Json(Events { events: log.reveal(events).await?, next, head }))
}
