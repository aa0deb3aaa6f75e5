//! Whether this process can do its work, for people and for load balancers.

use std::time::Duration;

use axum::{
    extract::State,
    http::{StatusCode, header::CACHE_CONTROL},
    response::IntoResponse,
};
use chrono::{DateTime, Utc};
use commands::JWKS_LIFETIME;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{App, body::Json};

/// How long the database may take to give a sign of life.
const PATIENCE: Duration = Duration::from_secs(2);

/// The routes of this file.
pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(health))
        .routes(routes!(ready))
        .routes(routes!(detailed))
        .routes(routes!(jwks))
}

/// How it goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Health {
    /// All is well.
    Healthy,
    /// Commands are taken, effects may wait.
    Degraded,
    /// Nothing works.
    Unhealthy,
}

/// How this process does.
#[derive(Serialize, ToSchema)]
struct HealthAnswer {
    status: Health,
    timestamp: DateTime<Utc>,
    version: &'static str,
    uptime_seconds: u64,
}

/// How this process and what it needs do.
#[derive(Clone, Serialize, ToSchema)]
pub(crate) struct DetailedHealth {
    pub status: Health,
    pub timestamp: DateTime<Utc>,
    pub services: Services,
    pub version: &'static str,
}

/// What this process needs.
#[derive(Clone, Serialize, ToSchema)]
pub(crate) struct Services {
    /// Postgres.
    database: Service,
    /// The read models.
    cache: Service,
    /// NATS.
    queue: Service,
    /// The log.
    storage: Service,
}

/// Something this process needs.
#[derive(Clone, Serialize, ToSchema)]
struct Service {
    status: Health,
    latency_ms: Option<f64>,
    /// What is the matter.
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
}

impl App {
    /// Asks all that this process needs for a sign of life.
    pub(crate) async fn health(&self) -> DetailedHealth {
        let ping = tokio::time::timeout(PATIENCE, self.queries.ping()).await;
        let latency = ping.ok().and_then(Result::ok);
        let database = Service {
            status: if latency.is_some() { Health::Healthy } else { Health::Unhealthy },
            latency_ms: latency.map(|latency| latency.as_secs_f64() * 1000.0),
            detail: None,
        };
        let read_models = self.read_models(database.clone()).await;
        let broker = self.setup().broker.as_ref();
        let is_connected = broker.is_none_or(eventlog::Broker::is_connected);
        let queue = if is_connected { Health::Healthy } else { Health::Degraded };
        DetailedHealth {
            status: database.status.or(read_models.status).or(queue),
            timestamp: self.now(),
            services: Services {
                cache: read_models,
                queue: Service { status: queue, latency_ms: None, detail: None },
                storage: database.clone(),
                database,
            },
            version: self.setup().version,
        }
    }
}

impl App {
    /// The database, and whether what the read models show is of this log.
    async fn read_models(&self, database: Service) -> Service {
        if database.status == Health::Unhealthy {
            return database;
        }
        let refused = tokio::time::timeout(PATIENCE, self.queries.refused()).await;
        let refused = refused.ok().and_then(Result::ok).unwrap_or_default();
        if refused.is_empty() {
            return database;
        }
        let told: Vec<_> = refused.iter().map(ToString::to_string).collect();
        Service { status: Health::Degraded, detail: Some(told.join("; ")), ..database }
    }
}

impl Health {
    /// The worse of two.
    fn or(self, other: Self) -> Self {
        match (self, other) {
            (Self::Unhealthy, _) | (_, Self::Unhealthy) => Self::Unhealthy,
            (Self::Degraded, _) | (_, Self::Degraded) => Self::Degraded,
            (Self::Healthy, Self::Healthy) => Self::Healthy,
        }
    }

    /// What a load balancer goes by: a degraded process still does its work.
    fn status(self) -> StatusCode {
        match self {
            Self::Healthy | Self::Degraded => StatusCode::OK,
            Self::Unhealthy => StatusCode::SERVICE_UNAVAILABLE,
        }
    }
}

/// How this process does
#[utoipa::path(get, path = "/health", tag = "health", security(()),
    responses((status = 200, body = HealthAnswer), (status = 503, body = HealthAnswer)))]
async fn health(State(app): State<App>) -> (StatusCode, Json<HealthAnswer>) {
    let DetailedHealth { status, timestamp, version, .. } = app.health().await;
    let uptime_seconds = app.uptime_seconds();
    (status.status(), Json(HealthAnswer { status, timestamp, version, uptime_seconds }))
}

/// Whether this process can take requests
#[utoipa::path(get, path = "/ready", tag = "health", security(()),
    responses((status = 200, body = DetailedHealth), (status = 503, body = DetailedHealth)))]
async fn ready(State(app): State<App>) -> (StatusCode, Json<DetailedHealth>) {
    let health = app.health().await;
    (health.status.status(), Json(health))
}

/// How this process and what it needs do
#[utoipa::path(get, path = "/v1/health/detailed", tag = "health", security(()),
    responses((status = 200, body = DetailedHealth), (status = 503, body = DetailedHealth)))]
async fn detailed(State(app): State<App>) -> (StatusCode, Json<DetailedHealth>) {
    ready(State(app)).await
}

/// The public keys of access tokens (RFC 7517)
///
/// A new key stands here for ten minutes before it signs, and an old one for as long as its tokens live. Keep the
/// answer no longer than `Cache-Control` says.
#[utoipa::path(get, path = "/.well-known/jwks.json", tag = "auth", security(()),
    responses((status = 200, body = serde_json::Value)))]
async fn jwks(State(app): State<App>) -> impl IntoResponse {
    let cache = format!("public, max-age={}", JWKS_LIFETIME.as_secs());
    ([(CACHE_CONTROL, cache)], Json(app.commands.jwks()))
}
