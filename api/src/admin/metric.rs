//! Metrics: for Prometheus, as JSON, and in short.

use std::sync::PoisonError;

use axum::{
    extract::{FromRequestParts, State},
    http::{HeaderMap, header, request::Parts},
    response::{IntoResponse, Response},
};
use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    App,
    body::Json,
    caller::{Admin, bearer},
    envelope::{CallerProblems, Problems},
    health::Health,
    problem::Problem,
};

/// The routes of this file.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(prometheus))
        .routes(routes!(health))
        .routes(routes!(summary))
        .routes(routes!(as_json))
}

/// Whoever may read metrics: a scraper with its token, or an administrator.
struct Scraper;

impl FromRequestParts<App> for Scraper {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let token = app.setup().metrics_token.as_deref();
        if token.is_some_and(|token| is_shown(&parts.headers, token)) {
            return Ok(Self);
        }
        Admin::from_request_parts(parts, app).await.map(|_| Self)
    }
}

fn is_shown(headers: &HeaderMap, token: &str) -> bool {
    bearer(headers).is_some_and(|shown| is_same(shown.as_bytes(), token.as_bytes()))
}

/// Takes as long for a good guess as for a bad one.
fn is_same(shown: &[u8], token: &[u8]) -> bool {
    let differing = shown.iter().zip(token).fold(0, |sum, (a, b)| sum | (a ^ b));
    shown.len() == token.len() && std::hint::black_box(differing) == 0
}

/// Whether metrics are collected.
#[derive(Serialize, ToSchema)]
#[expect(clippy::struct_field_names, reason = "the names are those of the API")]
struct Collector {
    status: Health,
    prometheus_available: bool,
    collector_initialized: bool,
    timestamp: DateTime<Utc>,
}

/// The state of the service in short.
#[derive(Serialize, ToSchema)]
struct Summary {
    timestamp: DateTime<Utc>,
    /// How much of the log the numbers from the log show.
    log_position: i64,
    service: ServiceSummary,
    /// Counts: `cache`, `workflows`, `requests`.
    metrics: Value,
    system: System,
}

/// This process.
#[derive(Serialize, ToSchema)]
struct ServiceSummary {
    name: &'static str,
    version: &'static str,
    uptime_seconds: u64,
    status: Health,
}

/// This machine.
#[derive(Default, Serialize, ToSchema)]
#[expect(clippy::struct_field_names, reason = "the names are those of the API")]
struct System {
    cpu_percent: f32,
    memory_percent: f64,
    disk_percent: f64,
}

impl App {
    fn system(&self) -> System {
        let mut machine = self.machine.lock().unwrap_or_else(PoisonError::into_inner);
        let mut system = System::default();
        if let Some(machine) = machine.as_mut() {
            machine.refresh_cpu_usage();
            machine.refresh_memory();
            system.cpu_percent = machine.global_cpu_usage();
            system.memory_percent = percent(machine.used_memory(), machine.total_memory());
        }
        let disks = sysinfo::Disks::new_with_refreshed_list();
        for disk in disks.iter().flat_map(|disks| disks.iter()) {
            let free = percent(disk.available_space(), disk.total_space());
            system.disk_percent = system.disk_percent.max(100.0 - free);
        }
        system
    }
}

#[expect(clippy::cast_precision_loss, reason = "a percentage needs few digits")]
fn percent(part: u64, of: u64) -> f64 {
    if of == 0 { 100.0 } else { part as f64 * 100.0 / of as f64 }
}

/// Metrics for Prometheus
///
/// For administrators, and for scrapers that show the token of the configuration.
#[utoipa::path(get, path = "/metrics", operation_id = "metrics_prometheus", tag = "admin",
    responses((status = 200, body = String, content_type = "text/plain"), CallerProblems))]
async fn prometheus(State(app): State<App>, _scraper: Scraper) -> Response {
    let kind = [(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")];
    (kind, app.setup().prometheus.render()).into_response()
}

/// Whether metrics are collected
#[utoipa::path(get, path = "/v1/metrics/health", operation_id = "metrics_health", tag = "admin",
    responses((status = 200, body = Collector), CallerProblems))]
async fn health(State(app): State<App>, _admin: Admin) -> Json<Collector> {
    Json(Collector {
        status: Health::Healthy,
        prometheus_available: true,
        collector_initialized: true,
        timestamp: app.now(),
    })
}

/// The state of the service in short
#[utoipa::path(get, path = "/v1/metrics/summary", operation_id = "metrics_summary", tag = "admin",
    responses((status = 200, body = Summary), CallerProblems, Problems))]
async fn summary(State(app): State<App>, _admin: Admin) -> Result<Json<Summary>, Problem> {
    let numbers = app.queries.admin_numbers(app.now().date_naive(), 1).await?;
    let totals = numbers.totals;
    Ok(Json(Summary {
        timestamp: app.now(),
        log_position: numbers.position,
        service: ServiceSummary {
            name: "annals",
            version: app.setup().version,
            uptime_seconds: app.uptime_seconds(),
            status: app.health().await.status,
        },
        metrics: json!({
            "cache": { "total_hits": 0, "total_misses": 0, "hit_rate": 0.0 },
            "workflows": {
                "types": ["chat_run"],
                "stats": { "chat_run": {
                    "total": totals.runs,
                    "completed": totals.completed_runs,
                    "failed": totals.failed_runs,
                } },
            },
            "requests": {
                "total": app.requests.total(),
                "avg_response_time_ms": app.requests.mean_milliseconds(),
                "error_rate": app.requests.error_rate(),
            },
            "totals": totals,
        }),
        system: app.system(),
    }))
}

/// All metrics as JSON
///
/// A list of `{name, labels, value}`.
#[utoipa::path(get, path = "/v1/metrics/json", operation_id = "metrics_json", tag = "admin",
    responses((status = 200, body = Value), CallerProblems))]
async fn as_json(State(app): State<App>, _scraper: Scraper) -> Json<Value> {
    let text = app.setup().prometheus.render();
    let samples: Vec<Value> = text.lines().filter_map(sample).collect();
    Json(json!({ "timestamp": app.now(), "metrics": samples }))
}

/// One line of the Prometheus text format.
fn sample(line: &str) -> Option<Value> {
    let line = Some(line).filter(|line| !line.starts_with('#'))?;
    let (series, value) = line.rsplit_once(' ')?;
    let (name, labels) = series.split_once('{').unwrap_or((series, ""));
    Some(json!({
        "name": name,
        "labels": labels.trim_end_matches('}'),
        "value": value.parse::<f64>().ok(),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_the_same_only_when_all_of_it_is() {
        assert!(is_same(b"secret", b"secret"));
        for shown in [&b""[..], b"secre", b"secret2", b"Secret"] {
            assert!(!is_same(shown, b"secret"));
        }
    }

    #[test]
    fn a_line_of_prometheus_is_a_sample() {
        let read = sample("annals_http_requests_total{route=\"/health\"} 3");

        let expected = json!({
            "name": "annals_http_requests_total", "labels": "route=\"/health\"", "value": 3.0,
        });
        assert_eq!(read, Some(expected));
        assert_eq!(sample("# HELP x y"), None);
    }
}
