//! What the system knows of itself that an auditor asks for: facts, and no scores.

mod standard;

use axum::extract::State;
use chrono::{DateTime, TimeDelta, Utc};
use eventlog::{KeptPeriod, People, Position};
use projections::AuditNumbers;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use self::standard::{STANDARDS, Standard};
use super::filter::Filter;
use crate::{
    App,
    body::{Json, Query},
    caller::Admin,
    envelope::{CallerProblems, Problems},
    problem::Problem,
};

/// The routes of this file.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(report)).routes(routes!(standards))
}

/// The period of a report.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Period {
    /// From this day or moment on; 30 days ago where nothing is said.
    start_date: Option<String>,
    /// Up to this day or moment; until now where nothing is said.
    end_date: Option<String>,
}

/// Facts for an auditor.
#[derive(Serialize, ToSchema)]
struct Report {
    generated_at: DateTime<Utc>,
    log: LogFacts,
    period: PeriodFacts,
    people: PeopleFacts,
    retention: RetentionFacts,
}

/// How far the log can be proven.
#[derive(Serialize, ToSchema)]
struct LogFacts {
    /// The last position.
    head: Position,
    /// How often the log was restored from a backup, from 1.
    epoch: Option<i64>,
    /// The size of the newest signed tree head: every event up to here is proven.
    sealed_upto: Position,
    /// When that head was signed.
    sealed_at: Option<DateTime<Utc>>,
    /// Its root.
    root: Option<String>,
    /// Events that no signed head covers yet.
    unsealed_events: i64,
    /// How much of the log the figures of this report show.
    audited_upto: Position,
}

/// What happened in the period.
#[derive(Serialize, ToSchema)]
struct PeriodFacts {
    /// After this position.
    after: Position,
    /// Up to this one.
    upto: Position,
    first_event_at: Option<DateTime<Utc>>,
    last_event_at: Option<DateTime<Utc>>,
    events: i64,
    people_who_acted: i64,
    logins: i64,
    failed_logins: i64,
    /// Sessions ended because a replaced refresh token came back, and otherwise.
    ended_sessions: i64,
    registrations: i64,
    role_changes: i64,
    deactivations: i64,
    api_keys_created: i64,
    api_keys_revoked: i64,
    erasures: i64,
    audit_exports: i64,
    /// What somebody did about somebody else: only administrators can.
    admin_actions: i64,
}

/// Whose data there is.
#[derive(Serialize, ToSchema)]
struct PeopleFacts {
    /// People whose data can be read: their keys exist.
    readable: i64,
    /// People whose keys were destroyed, since the beginning of the log.
    erased: i64,
}

/// What is kept for how long.
#[derive(Serialize, ToSchema)]
struct RetentionFacts {
    /// Of events.
    events: &'static str,
    /// When the oldest event was recorded.
    oldest_event_at: Option<DateTime<Utc>>,
    /// Addresses, failed logins and devices, month by month: `{kind, month, withheld_at, period}`.
    /// What was withheld cannot be read any more.
    #[schema(value_type = Vec<Object>)]
    technical_data: Vec<KeptPeriod>,
    /// Parts of the log that were moved to archive files.
    archived_partitions: usize,
}

/// Facts for an auditor
#[utoipa::path(get, path = "/v1/admin/audit/compliance/report", operation_id = "compliance_report",
    tag = "admin", params(Period),
    responses((status = 200, body = Report), CallerProblems, Problems))]
async fn report(
    State(app): State<App>,
    _admin: Admin,
    Query(period): Query<Period>,
) -> Result<Json<Report>, Problem> {
    let log = app.commands.log();
    let head = log.head().await?;
    let default = || (app.now() - TimeDelta::days(30)).to_rfc3339();
    let filter = Filter {
        start_date: Some(period.start_date.unwrap_or_else(default)),
        end_date: period.end_date,
        ..Filter::default()
    };
    let window = filter.read(&app).await?;
    let (after, upto) = (window.after, window.upto.unwrap_or(head));
    let numbers = app.queries.audit_numbers(after, upto).await?;
    let People { readable, erased } = log.people().await?;
    Ok(Json(Report {
        generated_at: app.now(),
        log: log_facts(&app, head, numbers.position).await?,
        period: PeriodFacts::of(&numbers, after, upto),
        people: PeopleFacts { readable, erased },
        retention: retention_facts(&app).await?,
    }))
}

impl PeriodFacts {
    fn of(numbers: &AuditNumbers, after: Position, upto: Position) -> Self {
        let count = |action| numbers.count(action);
        Self {
            after,
            upto,
            first_event_at: numbers.first_at,
            last_event_at: numbers.last_at,
            events: numbers.events,
            people_who_acted: numbers.users,
            logins: count("session.started"),
            failed_logins: count("login.failed"),
            ended_sessions: count("session.ended"),
            registrations: count("user.registered"),
            role_changes: count("user.role_changed"),
            deactivations: count("user.deactivated"),
            api_keys_created: count("api_key.created"),
            api_keys_revoked: count("api_key.revoked"),
            erasures: count("user.erased"),
            audit_exports: count("audit.exported"),
            admin_actions: numbers.acts_on_others,
        }
    }
}

async fn retention_facts(app: &App) -> anyhow::Result<RetentionFacts> {
    let log = app.commands.log();
    let oldest = log.read_at_most(0, 1).await?;
    let partitions = log.partitions().await?;
    Ok(RetentionFacts {
        events: "kept for good; personal data in them until their person is erased",
        oldest_event_at: oldest.first().map(|event| event.recorded_at),
        technical_data: log.kept_periods().await?,
        archived_partitions: partitions.iter().filter(|it| it.archived_at.is_some()).count(),
    })
}

async fn log_facts(app: &App, head: Position, audited_upto: Position) -> anyhow::Result<LogFacts> {
    let sealed = app.commands.log().tree_head().await?;
    let sealed_upto = sealed.as_ref().map_or(0, |sealed| sealed.size);
    Ok(LogFacts {
        head,
        epoch: sealed.as_ref().map(|sealed| sealed.epoch),
        sealed_upto,
        sealed_at: sealed.as_ref().map(|sealed| sealed.sealed_at),
        root: sealed.as_ref().map(|sealed| sealed.root.to_string()),
        unsealed_events: (head - sealed_upto).max(0),
        audited_upto,
    })
}

/// What is followed of which standard
///
/// The table of `docs/standards.md`.
#[utoipa::path(get, path = "/v1/admin/audit/compliance/standards", tag = "admin",
    operation_id = "compliance_standards",
    responses((status = 200, body = [Standard]), CallerProblems, Problems))]
async fn standards(_admin: Admin) -> Json<&'static [Standard]> {
    Json(STANDARDS.as_slice())
}
