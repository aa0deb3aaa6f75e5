//! One notice: look at it, mark it, put it off, put it away, throw it away.

use axum::{extract::State, response::Response};
use chrono::{DateTime, Utc};
use commands::Caller;
use domain::notification::Step;
use projections::NotificationView;
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use super::{fields::Notification, inbox::SCOPE};
use crate::{
    App,
    body::{Json, Path},
    envelope::{CallerProblems, Problems, Success},
    problem::Problem,
};

/// The routes of this file.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(get, mark, delete))
        .routes(routes!(snooze))
        .routes(routes!(archive))
        .routes(routes!(unarchive))
}

/// Whether a notice counts as read.
#[derive(Deserialize, ToSchema)]
struct Mark {
    read: bool,
}

/// When a notice comes back.
#[derive(Deserialize, ToSchema)]
struct Snooze {
    /// A moment to come; null brings it back at once.
    until: Option<DateTime<Utc>>,
}

/// Look at a notification
///
/// Marks it as read.
#[utoipa::path(get, path = "/v1/notifications/{id}", operation_id = "get_notification",
    tag = "notifications", params(("id" = Uuid, Path)),
    responses((status = 200, body = Notification), CallerProblems, Problems))]
async fn get(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<Uuid>,
) -> Result<Response, Problem> {
    handle(&app, &caller, id, Step::Read).await
}

/// Mark a notification as read or unread
#[utoipa::path(put, path = "/v1/notifications/{id}", operation_id = "mark_notification",
    tag = "notifications", params(("id" = Uuid, Path)), request_body = Mark,
    responses((status = 200, body = Notification), CallerProblems, Problems))]
async fn mark(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<Uuid>,
    Json(body): Json<Mark>,
) -> Result<Response, Problem> {
    let step = if body.read { Step::Read } else { Step::Unread };
    handle(&app, &caller, id, step).await
}

/// Put a notification off
#[utoipa::path(post, path = "/v1/notifications/{id}/snooze", operation_id = "snooze_notification",
    tag = "notifications", params(("id" = Uuid, Path)), request_body = Snooze,
    responses((status = 200, body = Notification), CallerProblems, Problems))]
async fn snooze(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<Uuid>,
    Json(body): Json<Snooze>,
) -> Result<Response, Problem> {
    handle(&app, &caller, id, Step::Snooze(body.until)).await.map_err(|it| it.at("/until"))
}

/// Put a notification away
#[utoipa::path(post, path = "/v1/notifications/{id}/archive",
    operation_id = "archive_notification", tag = "notifications", params(("id" = Uuid, Path)),
    responses((status = 200, body = Notification), CallerProblems, Problems))]
async fn archive(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<Uuid>,
) -> Result<Response, Problem> {
    handle(&app, &caller, id, Step::Archive).await
}

/// Take a notification out again
#[utoipa::path(post, path = "/v1/notifications/{id}/unarchive",
    operation_id = "unarchive_notification", tag = "notifications", params(("id" = Uuid, Path)),
    responses((status = 200, body = Notification), CallerProblems, Problems))]
async fn unarchive(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<Uuid>,
) -> Result<Response, Problem> {
    handle(&app, &caller, id, Step::Unarchive).await
}

/// Throw a notification away
#[utoipa::path(delete, path = "/v1/notifications/{id}", operation_id = "delete_notification",
    tag = "notifications", params(("id" = Uuid, Path)),
    responses((status = 200, body = Success), CallerProblems, Problems))]
async fn delete(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<Uuid>,
) -> Result<Response, Problem> {
    caller.scope(SCOPE)?;
    find(&app, &caller, id).await?;
    let done = app.commands.handle_notification(&caller, id, Step::Delete).await?;
    Ok(app.done(done, |()| Json(Success::new("Notification deleted"))).await)
}

/// Does something with a notice that is there, and shows it as it is then.
async fn handle(app: &App, caller: &Caller, id: Uuid, step: Step) -> Result<Response, Problem> {
    caller.scope(SCOPE)?;
    find(app, caller, id).await?;
    let done = app.commands.handle_notification(caller, id, step).await?;
    app.await_position(done.position).await;
    let notice = find(app, caller, id).await?;
    Ok(app.done(done, |()| Json(Notification::from(notice))).await)
}

/// What was cleared away or is over is not there, whatever its stream says.
async fn find(app: &App, caller: &Caller, id: Uuid) -> Result<NotificationView, Problem> {
    let found = app.queries.notification(caller.user, id).await?;
    found.ok_or_else(|| Problem::missing("notification"))
}
