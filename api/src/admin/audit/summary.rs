//! The audit log in numbers.

use std::collections::BTreeMap;

use axum::extract::State;
use chrono::{DateTime, TimeDelta, Utc};
use projections::{ActionCount, UserCount};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    App,
    body::{Json, Query},
    caller::Admin,
    envelope::{CallerProblems, Problems},
    moment,
    problem::Problem,
};

/// The routes of this file.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(summary))
}

/// How far back to look.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Span {
    /// `24h`, `7d`, `30d`, `90d` or `365d`; 30 days where nothing is said.
    period: Option<String>,
}

/// What was done in a period.
#[derive(Serialize, ToSchema)]
struct Summary {
    period: String,
    from: DateTime<Utc>,
    to: DateTime<Utc>,
    /// How much of the log the numbers show.
    log_position: i64,
    total_events: i64,
    /// How many people did something.
    unique_users: i64,
    failed_logins: i64,
    /// What somebody did about somebody else.
    acts_on_others: i64,
    /// By the name of the event, the most frequent first.
    #[schema(value_type = Vec<Object>)]
    by_action: Vec<ActionCount>,
    /// By the kind of thing.
    by_resource_type: BTreeMap<String, i64>,
    /// The people who did most.
    #[schema(value_type = Vec<Object>)]
    top_users: Vec<UserCount>,
}

/// The audit log in numbers
#[utoipa::path(get, path = "/v1/admin/audit/summary", operation_id = "audit_summary", tag = "admin",
    params(Span), responses((status = 200, body = Summary), CallerProblems, Problems))]
async fn summary(
    State(app): State<App>,
    _admin: Admin,
    Query(span): Query<Span>,
) -> Result<Json<Summary>, Problem> {
    let period = span.period.unwrap_or_else(|| "30d".to_owned());
    let to = app.now();
    let from = to - length(&period)?;
    let log = app.commands.log();
    let (after, upto) = (log.position_at(from - moment::TICK).await?, log.head().await?);
    let numbers = app.queries.audit_numbers(after, upto).await?;
    let mut by_resource_type = BTreeMap::<String, i64>::new();
    for it in &numbers.actions {
        let kind = it.action.split('.').next().unwrap_or_default();
        *by_resource_type.entry(kind.to_owned()).or_default() += it.events;
    }
    Ok(Json(Summary {
        period,
        from,
        to,
        log_position: numbers.position,
        total_events: numbers.events,
        unique_users: numbers.users,
        failed_logins: numbers.count("login.failed"),
        acts_on_others: numbers.acts_on_others,
        by_action: numbers.actions,
        by_resource_type,
        top_users: numbers.top_users,
    }))
}

fn length(period: &str) -> Result<TimeDelta, Problem> {
    match period {
        "24h" | "day" => Ok(TimeDelta::hours(24)),
        "7d" | "week" => Ok(TimeDelta::days(7)),
        "30d" | "month" => Ok(TimeDelta::days(30)),
        "90d" | "quarter" => Ok(TimeDelta::days(90)),
        "365d" | "year" => Ok(TimeDelta::days(365)),
        _ => Err(Problem::invalid("/period", "one of 24h, 7d, 30d, 90d, 365d")),
    }
}
