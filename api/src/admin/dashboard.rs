//! The dashboard's numbers, each with the log position it is true for.

use axum::extract::State;
use projections::{AdminDay, Counts};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    App,
    body::Json,
    caller::Admin,
    envelope::{CallerProblems, Data, Problems},
    health::{DetailedHealth, Health},
    problem::Problem,
};

/// How many days the dashboard shows.
const DAYS: u32 = 30;

/// The routes of this file.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(dashboard)).routes(routes!(health))
}

/// Numbers for the dashboard.
#[derive(Serialize, ToSchema)]
struct Dashboard {
    /// How much of the log the numbers from the log show.
    log_position: i64,
    /// Of this process.
    uptime_percentage: f64,
    /// Of this process.
    uptime_seconds: u64,
    /// Of this process.
    total_requests: u64,
    /// Of this process.
    avg_response_time_ms: f64,
    /// The share of requests that failed through our fault, 0 to 1; of this process.
    error_rate: f64,
    /// People who were there in the last 30 days.
    active_users: i64,
    system_health: Health,
    /// How often things happened since the beginning of the log.
    #[schema(value_type = Object)]
    totals: Counts,
    /// The last 30 days one by one.
    #[schema(value_type = Vec<Object>)]
    days: Vec<AdminDay>,
}

/// The dashboard
#[utoipa::path(get, path = "/v1/admin/monitoring/dashboard", tag = "admin",
    responses((status = 200, body = Data<Dashboard>), CallerProblems, Problems))]
async fn dashboard(
    State(app): State<App>,
    _admin: Admin,
) -> Result<Json<Data<Dashboard>>, Problem> {
    let numbers = app.queries.admin_numbers(app.now().date_naive(), DAYS).await?;
    let dashboard = Dashboard {
        log_position: numbers.position,
        uptime_percentage: 100.0,
        uptime_seconds: app.uptime_seconds(),
        total_requests: app.requests.total(),
        avg_response_time_ms: app.requests.mean_milliseconds(),
        error_rate: app.requests.error_rate(),
        active_users: numbers.active_users,
        system_health: app.health().await.status,
        totals: numbers.totals,
        days: numbers.days,
    };
    Ok(Json(Data::new("Dashboard", dashboard)))
}

/// How the service does
#[utoipa::path(get, path = "/v1/admin/monitoring/health", operation_id = "admin_health",
    tag = "admin",
    responses((status = 200, body = Data<DetailedHealth>), CallerProblems, Problems))]
async fn health(State(app): State<App>, _admin: Admin) -> Json<Data<DetailedHealth>> {
    Json(Data::new("Health", app.health().await))
}
