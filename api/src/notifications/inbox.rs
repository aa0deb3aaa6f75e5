//! The inbox as a whole: list, count, mark all as read, throw away what was read.

use std::collections::BTreeMap;

use axum::{extract::State, response::Response};
use commands::Caller;
use domain::notification::{Topic, Urgency};
use projections::{Counted, NotificationFilter, Place};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::fields::{Notification, Word};
use crate::{
    App,
    body::{Json, Query},
    envelope::{CallerProblems, Problems},
    problem::Problem,
};

/// The right that a key needs.
pub(super) const SCOPE: &str = "notifications";

/// The routes of this file.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(unread_count))
        .routes(routes!(stats))
        .routes(routes!(read_all))
        .routes(routes!(delete_read))
}

/// Which notices to list.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Filter {
    /// Only those that were not read.
    unread_only: Option<bool>,
    /// Only those of this type, in any case.
    #[param(value_type = Option<String>)]
    r#type: Option<Word<Urgency>>,
    /// Only those of this category, in any case.
    #[param(value_type = Option<String>)]
    category: Option<Word<Topic>>,
    /// Those that were put away instead.
    archived: Option<bool>,
    /// Those that hide for a while instead.
    snoozed: Option<bool>,
    /// How many to list, 100 at most; 50 where nothing is said.
    limit: Option<u32>,
    /// How many to leave out.
    offset: Option<u32>,
}

/// Notices.
#[derive(Serialize, ToSchema)]
#[expect(clippy::struct_field_names, reason = "the names are those of the API")]
struct Notifications {
    notifications: Vec<Notification>,
    /// How many there are that the filter lets through.
    total: i64,
    /// How many in sight were not read.
    unread: i64,
}

/// A count.
#[derive(Serialize, ToSchema)]
struct Count {
    count: i64,
}

/// How many were changed.
#[derive(Serialize, ToSchema)]
struct Changed {
    success: bool,
    count: i64,
}

/// How many notices are in sight, and of which kinds.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct Stats {
    total: i64,
    unread: i64,
    by_type: BTreeMap<String, i64>,
    by_category: BTreeMap<String, i64>,
}

impl From<Filter> for NotificationFilter {
    fn from(filter: Filter) -> Self {
        let place = match (filter.archived, filter.snoozed) {
            (Some(true), _) => Place::Archive,
            (_, Some(true)) => Place::Snoozed,
            (None | Some(false), None | Some(false)) => Place::Inbox,
        };
        Self {
            place,
            is_unread: filter.unread_only.unwrap_or(false),
            urgency: filter.r#type.map(|word| word.0.name()),
            topic: filter.category.map(|word| word.0.name()),
            offset: filter.offset.unwrap_or(0),
            limit: filter.limit.unwrap_or(50).clamp(1, 100),
        }
    }
}

/// What you were told
///
/// The newest first.
#[utoipa::path(get, path = "/v1/notifications", operation_id = "list_notifications",
    tag = "notifications", params(Filter),
    responses((status = 200, body = Notifications), CallerProblems, Problems))]
async fn list(
    State(app): State<App>,
    caller: Caller,
    Query(filter): Query<Filter>,
) -> Result<Json<Notifications>, Problem> {
    caller.scope(SCOPE)?;
    let (found, total) = app.queries.notifications(caller.user, &filter.into()).await?;
    let unread = app.queries.unread_notifications(caller.user).await?;
    let notifications = found.into_iter().map(Notification::from).collect();
    Ok(Json(Notifications { notifications, total, unread }))
}

/// How much you have not read
#[utoipa::path(get, path = "/v1/notifications/unread-count", operation_id = "unread_count",
    tag = "notifications", responses((status = 200, body = Count), CallerProblems, Problems))]
async fn unread_count(State(app): State<App>, caller: Caller) -> Result<Json<Count>, Problem> {
    caller.scope(SCOPE)?;
    Ok(Json(Count { count: app.queries.unread_notifications(caller.user).await? }))
}

/// How much you were told of what
#[utoipa::path(get, path = "/v1/notifications/stats", operation_id = "notification_stats",
    tag = "notifications", responses((status = 200, body = Stats), CallerProblems, Problems))]
async fn stats(State(app): State<App>, caller: Caller) -> Result<Json<Stats>, Problem> {
    caller.scope(SCOPE)?;
    let Counted { counts, by_urgency, by_topic } = app.queries.inbox_counts(caller.user).await?;
    let (total, unread) = (counts.total, counts.unread);
    Ok(Json(Stats { total, unread, by_type: by_urgency, by_category: by_topic }))
}

/// Mark everything as read
///
/// Also what hides or was put away.
#[utoipa::path(post, path = "/v1/notifications/mark-all-read", operation_id = "mark_all_read",
    tag = "notifications", responses((status = 200, body = Changed), CallerProblems, Problems))]
async fn read_all(State(app): State<App>, caller: Caller) -> Result<Response, Problem> {
    caller.scope(SCOPE)?;
    let count = app.queries.count_notifications(caller.user, false).await?;
    let done = app.commands.read_all_notifications(&caller).await?;
    Ok(app.done(done, |()| Json(Changed { success: true, count })).await)
}

/// Throw away everything that you have read
///
/// Also what hides or was put away.
#[utoipa::path(delete, path = "/v1/notifications/delete-all-read",
    operation_id = "delete_all_read", tag = "notifications",
    responses((status = 200, body = Changed), CallerProblems, Problems))]
async fn delete_read(State(app): State<App>, caller: Caller) -> Result<Response, Problem> {
    caller.scope(SCOPE)?;
    let count = app.queries.count_notifications(caller.user, true).await?;
    let done = app.commands.delete_read_notifications(&caller).await?;
    Ok(app.done(done, |()| Json(Changed { success: true, count })).await)
}
