//! Many notices in one request: each is done or refused by itself.

use axum::{extract::State, response::Response};
use commands::{Caller, Done, NewNotification};
use domain::notification::Step;
use eventlog::Position;
use futures_util::future::join_all;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use super::{inbox::SCOPE, send::NewNotice};
use crate::{
    App,
    body::{self, Json},
    caller::Admin,
    envelope::{CallerProblems, Problems},
    problem::Problem,
};

/// Notices in one request at most.
const MOST: usize = 100;

/// The routes of this file.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(create)).routes(routes!(mark_read)).routes(routes!(delete))
}

/// What people are to be told.
#[derive(Deserialize, ToSchema)]
struct NewNotices {
    /// At most 100.
    #[schema(value_type = Vec<NewNotice>)]
    notifications: Vec<Value>,
}

/// Which notices.
#[derive(Deserialize, ToSchema)]
struct Ids {
    /// At most 100.
    #[schema(value_type = Vec<Uuid>)]
    notification_ids: Vec<String>,
}

/// What became of them.
#[derive(Serialize, ToSchema)]
struct Outcome {
    success_count: usize,
    failed_count: usize,
    errors: Vec<Failure>,
    /// The notices that were made or changed.
    ids: Vec<Uuid>,
}

/// One that was refused.
#[derive(Serialize, ToSchema)]
struct Failure {
    /// Its id, or its place in the request, from 0.
    id: String,
    error: String,
}

/// Tell people something
///
/// For administrators and their keys.
#[utoipa::path(post, path = "/v1/notifications/bulk/create",
    operation_id = "bulk_create_notifications", tag = "notifications", request_body = NewNotices,
    responses((status = 200, body = Outcome), CallerProblems, Problems))]
async fn create(
    State(app): State<App>,
    Admin(caller): Admin,
    Json(body): Json<NewNotices>,
) -> Result<Response, Problem> {
    bounded(&body.notifications, "/notifications")?;
    let (app_, caller) = (&app, &caller);
    let each = body.notifications.into_iter().map(|notice| async move {
        let notice: NewNotice = body::parse(notice.to_string().as_bytes())?;
        let new = NewNotification::try_from(notice)?;
        Ok::<_, Problem>(app_.commands.notify(caller, new).await?)
    });
    let outcomes = join_all(each).await.into_iter().enumerate();
    answer(&app, outcomes.map(|(place, done)| (place.to_string(), done))).await
}

/// Mark notifications as read
#[utoipa::path(post, path = "/v1/notifications/bulk/mark-read",
    operation_id = "bulk_mark_notifications_read", tag = "notifications", request_body = Ids,
    responses((status = 200, body = Outcome), CallerProblems, Problems))]
async fn mark_read(
    State(app): State<App>,
    caller: Caller,
    Json(body): Json<Ids>,
) -> Result<Response, Problem> {
    handle(&app, &caller, body, Step::Read).await
}

/// Throw notifications away
#[utoipa::path(post, path = "/v1/notifications/bulk/delete",
    operation_id = "bulk_delete_notifications", tag = "notifications", request_body = Ids,
    responses((status = 200, body = Outcome), CallerProblems, Problems))]
async fn delete(
    State(app): State<App>,
    caller: Caller,
    Json(body): Json<Ids>,
) -> Result<Response, Problem> {
    handle(&app, &caller, body, Step::Delete).await
}

async fn handle(app: &App, caller: &Caller, body: Ids, step: Step) -> Result<Response, Problem> {
    caller.scope(SCOPE)?;
    bounded(&body.notification_ids, "/notification_ids")?;
    let each = body.notification_ids.iter().map(|given| async move {
        let id = Uuid::parse_str(given).map_err(|_| Problem::missing("notification"))?;
        let found = app.queries.notification(caller.user, id).await?;
        found.ok_or_else(|| Problem::missing("notification"))?;
        let done = app.commands.handle_notification(caller, id, step).await?;
        Ok::<_, Problem>(Done { value: id, position: done.position })
    });
    let outcomes = join_all(each).await;
    answer(app, body.notification_ids.iter().cloned().zip(outcomes)).await
}

async fn answer(
    app: &App,
    outcomes: impl Iterator<Item = (String, Result<Done<Uuid>, Problem>)>,
) -> Result<Response, Problem> {
    let mut position: Position = 0;
    let (mut ids, mut errors) = (vec![], vec![]);
    for (id, outcome) in outcomes {
        match outcome {
            Ok(done) => {
                position = position.max(done.position);
                ids.push(done.value);
            }
            // Nothing can be told of the others while the log is away.
            Err(problem) if problem.status.is_server_error() => return Err(problem),
            Err(problem) => errors.push(Failure { id, error: problem.detail.into_owned() }),
        }
    }
    let (success_count, failed_count) = (ids.len(), errors.len());
    let outcome = Outcome { success_count, failed_count, errors, ids };
    Ok(app.done(Done { value: outcome, position }, Json).await)
}

fn bounded<T>(items: &[T], pointer: &str) -> Result<(), Problem> {
    if (1..=MOST).contains(&items.len()) {
        return Ok(());
    }
    Err(Problem::invalid(pointer, format!("1 to {MOST} of them are taken at once")))
}
