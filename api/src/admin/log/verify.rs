//! Checking the whole log: one check at a time, which goes on while nobody asks.

use std::time::Duration;

use axum::{extract::State, http::StatusCode};
use chrono::{DateTime, TimeDelta, Utc};
use eventlog::{Position, Verification};
use serde::{Deserialize, Serialize};
use tokio::{sync::watch, time::timeout};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    App,
    body::{Json, Query},
    caller::Admin,
    envelope::{CallerProblems, Problems},
    problem::Problem,
};

/// How long a request waits for the end of the check where it says nothing, in seconds.
const USUAL_WAIT: u64 = 10;
/// How long a request waits at most, in seconds.
const LONGEST_WAIT: u64 = 25;
/// How long a result is answered again instead of checking anew.
const FRESH: TimeDelta = TimeDelta::minutes(1);

/// The routes of this file.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(verify))
}

/// The check that runs in this process, and the last result.
pub(crate) struct Verifier(watch::Sender<Check>);

/// How to ask for a check.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Wanted {
    /// How many seconds to wait for the end, 25 at most.
    wait: Option<u64>,
    /// Whether to check anew although there is a result of the last minute.
    fresh: Option<bool>,
}

/// How a check is going.
#[derive(Clone, Default, Serialize, ToSchema)]
#[schema(as = LogCheck)]
struct Check {
    status: Status,
    started_at: Option<DateTime<Utc>>,
    finished_at: Option<DateTime<Utc>>,
    /// How far the log has been read.
    position: Position,
    /// How far it is to be read.
    of: Position,
    /// What was found, once it is done; `fault` names the first position that is wrong.
    #[schema(value_type = Option<Object>)]
    result: Option<Verification>,
}

#[derive(Clone, Copy, Default, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = LogCheckStatus)]
#[serde(rename_all = "lowercase")]
enum Status {
    /// None was asked for yet.
    #[default]
    Idle,
    /// It is under way; ask again.
    Running,
    /// All is well.
    Intact,
    /// Something is wrong: see `result.fault`.
    Broken,
    /// It could not be carried out; the log may be well or not.
    Failed,
}

impl Default for Verifier {
    fn default() -> Self {
        Self(watch::Sender::new(Check::default()))
    }
}

impl Check {
    fn is_fresh(&self, now: DateTime<Utc>) -> bool {
        let is_over = matches!(self.status, Status::Intact | Status::Broken);
        is_over && self.finished_at.is_some_and(|finished| now - finished < FRESH)
    }
}

impl App {
    /// Begins a check unless one is under way.
    async fn begin_check(&self) -> Result<(), Problem> {
        let of = self.commands.log().head().await?;
        let started_at = Some(self.now());
        let begun = self.verifier.0.send_if_modified(|check| {
            if check.status == Status::Running {
                return false;
            }
            *check = Check { status: Status::Running, started_at, of, ..Check::default() };
            true
        });
        if begun {
            let app = self.clone();
            // It goes on when nobody waits for it any more.
            self.tasks.spawn(async move {
                let shutdown = app.setup().shutdown.clone();
                shutdown.run_until_cancelled(app.check()).await
            });
        }
        Ok(())
    }

    async fn check(&self) {
        let outcome = self.verification().await;
        let finished_at = Some(self.now());
        self.verifier.0.send_modify(|check| {
            check.finished_at = finished_at;
            match outcome {
                Ok(result) => {
                    let is_broken = result.fault.is_some();
                    check.status = if is_broken { Status::Broken } else { Status::Intact };
                    check.position = result.events;
                    check.result = Some(result);
                }
                Err(error) => {
                    tracing::warn!(error = format!("{error:#}"), "the log could not be checked");
                    check.status = Status::Failed;
                }
            }
        });
    }

    async fn verification(&self) -> anyhow::Result<Verification> {
        let log = self.commands.log();
        let mut kept = vec![];
        if let Some(head) = self.setup().kept_head.read().await?
            && log.is_of_this_epoch(&head).await?
        {
            kept.push(head);
        }
        let told = |position| self.verifier.0.send_modify(|check| check.position = position);
        let found = log.verify_against(kept, told).await?;
        if let Some(fault) = &found.fault {
            metrics::counter!("annals_log_faults_total").increment(1);
            tracing::error!(
                position = fault.position,
                "ALARM: the log is broken: {}",
                fault.detail
            );
        }
        Ok(found)
    }
}

/// Check the whole log
///
/// Begins a check, or joins the one that is under way, and waits for its end for a few seconds. `202`
/// says how far it has come: ask again. A result of the last minute is answered again.
#[utoipa::path(get, path = "/v1/admin/log/verify", operation_id = "log_verify", tag = "admin",
    params(Wanted),
    responses((status = 200, body = Check), (status = 202, body = Check),
        CallerProblems, Problems))]
async fn verify(
    State(app): State<App>,
    _admin: Admin,
    Query(wanted): Query<Wanted>,
) -> Result<(StatusCode, Json<Check>), Problem> {
    let wait = wanted.wait.unwrap_or(USUAL_WAIT).min(LONGEST_WAIT);
    let mut checks = app.verifier.0.subscribe();
    let is_fresh = checks.borrow().is_fresh(app.now());
    if !is_fresh || wanted.fresh == Some(true) {
        app.begin_check().await?;
    }
    let ended = checks.wait_for(|check| check.status != Status::Running);
    // Whether it ended or not, what there is to tell is told.
    let _ = timeout(Duration::from_secs(wait), ended).await;
    let check = checks.borrow().clone();
    let is_running = check.status == Status::Running;
    let status = if is_running { StatusCode::ACCEPTED } else { StatusCode::OK };
    Ok((status, Json(check)))
}
