//! Runs: how far one is, and stopping it.

use axum::{extract::State, response::Response};
use chrono::{DateTime, Utc};
use commands::Caller;
use domain::chat::{Run, Status};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use super::answer::{self, Call, Execution, TokenUsage};
use crate::{
    App,
    body::{Json, Path, Query},
    envelope::{CallerProblems, Problems, Success},
    problem::Problem,
};

/// The routes of this file.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(get)).routes(routes!(cancel))
}

/// Where a run is.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Place {
    /// Its conversation, as the completion told it; without it the last 50 are searched.
    session_id: Option<Uuid>,
}

/// A run, as far as it has come.
#[derive(Serialize, ToSchema)]
struct RunAnswer {
    id: Uuid,
    session_id: Uuid,
    /// `running`, `completed`, `failed` or `cancelled`.
    status: &'static str,
    /// Why the model stopped, or why the run failed.
    reason: Option<String>,
    provider: &'static str,
    model: String,
    iterations: u8,
    max_iterations: u8,
    usage: TokenUsage,
    content: String,
    /// The tools that the client has to run.
    tool_calls: Vec<Call>,
    /// The tools that Annals ran.
    tool_executions: Vec<Execution>,
    created_at: DateTime<Utc>,
}

impl RunAnswer {
    fn of(run: &Run, session: Uuid) -> Self {
        let (status, reason) = match &run.status {
            Status::Running => ("running", None),
            Status::Completed(reason) => ("completed", Some(reason.name().to_owned())),
            Status::Failed(failure) => ("failed", Some(failure.told())),
            Status::Cancelled => ("cancelled", None),
        };
        Self {
            id: run.id,
            session_id: session,
            status,
            reason,
            provider: run.provider.name(),
            model: run.model.clone(),
            iterations: run.iterations,
            max_iterations: run.max_iterations,
            usage: run.usage.into(),
            content: answer::text(run),
            tool_calls: answer::client_calls(run),
            tool_executions: answer::executions(run),
            created_at: run.requested_at,
        }
    }
}

/// How far a run has come
#[utoipa::path(get, path = "/v1/chat/runs/{id}", operation_id = "run", tag = "chat",
    params(("id" = Uuid, Path), Place),
    responses((status = 200, body = RunAnswer), CallerProblems, Problems))]
async fn get(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<Uuid>,
    Query(place): Query<Place>,
) -> Result<Json<RunAnswer>, Problem> {
    caller.scope("chat")?;
    let (session, run) = find(&app, &caller, id, &place).await?;
    Ok(Json(RunAnswer::of(&run, session)))
}

/// Stop a run
#[utoipa::path(post, path = "/v1/chat/runs/{id}/cancel", operation_id = "cancel_run", tag = "chat",
    params(("id" = Uuid, Path), Place),
    responses((status = 200, body = Success), CallerProblems, Problems))]
async fn cancel(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<Uuid>,
    Query(place): Query<Place>,
) -> Result<Response, Problem> {
    let (session, _) = find(&app, &caller, id, &place).await?;
    let done = app.commands.cancel_run(&caller, session, id).await?;
    Ok(app.done(done, |()| Json(Success::new("Run cancelled"))).await)
}

/// A run of the caller's, from the log. Without its conversation's id, the last ones are searched.
async fn find(app: &App, caller: &Caller, id: Uuid, place: &Place) -> Result<(Uuid, Run), Problem> {
    let sessions = if let Some(session) = place.session_id {
        vec![session]
    } else {
        let found = app.queries.chat_sessions(caller.user, 0, 50, None).await?;
        found.items.into_iter().map(|session| session.id).collect()
    };
    for session in sessions {
        let conversation = app.commands.conversation(caller, session).await?.value;
        if let Some(run) = conversation.run(id) {
            return Ok((session, run.clone()));
        }
    }
    Err(Problem::missing("run"))
}
