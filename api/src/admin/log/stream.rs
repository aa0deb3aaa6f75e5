//! The streams of the log, and the events of one.

use axum::extract::State;
use domain::Category;
use eventlog::{Position, RevealedEvent, StreamView};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use super::event::page;
use crate::{
    App,
    body::{Json, Path, Query},
    caller::Admin,
    envelope::{CallerProblems, Problems},
    problem::Problem,
};

/// The routes of this file.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(streams)).routes(routes!(stream_events))
}

/// Which streams to list.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct StreamFilter {
    /// The stream after which to begin.
    after: Option<Uuid>,
    /// How many to list, 500 at most.
    limit: Option<i64>,
    /// The only category to list: `user`, `session`, `chat` ...
    category: Option<String>,
}

/// Streams in the order of their ids.
#[derive(Serialize, ToSchema)]
struct Streams {
    streams: Vec<Stream>,
    /// The `after` of the next answer; none where this one is the last.
    next: Option<Uuid>,
}

/// A stream.
#[derive(Serialize, ToSchema)]
struct Stream {
    id: Uuid,
    /// `user`, `session`, `chat` ...
    category: Option<&'static str>,
    /// How many events it holds.
    version: i64,
    first_position: Position,
    last_position: Position,
}

/// Which events of a stream to list.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct VersionFilter {
    /// The version after which to begin.
    after: Option<i64>,
    /// How many to list, 500 at most.
    limit: Option<i64>,
}

/// Events of a stream in their order.
#[derive(Serialize, ToSchema)]
struct StreamEvents {
    stream: Uuid,
    /// How many events it holds.
    version: i64,
    #[schema(value_type = Vec<Object>)]
    events: Vec<RevealedEvent>,
    /// The `after` of the next answer; none where this one is the last.
    next: Option<i64>,
}

impl From<StreamView> for Stream {
    fn from(view: StreamView) -> Self {
        Self {
            id: view.id,
            category: view.category.map(Category::name),
            version: view.version,
            first_position: view.first_position,
            last_position: view.last_position,
        }
    }
}

/// The streams of the log
#[utoipa::path(get, path = "/v1/admin/streams", operation_id = "admin_streams", tag = "admin",
    params(StreamFilter),
    responses((status = 200, body = Streams), CallerProblems, Problems))]
async fn streams(
    State(app): State<App>,
    _admin: Admin,
    Query(filter): Query<StreamFilter>,
) -> Result<Json<Streams>, Problem> {
    let (_, limit) = page(None, filter.limit)?;
    let category = filter.category.as_deref().map(category).transpose()?;
    let found = app.commands.log().streams(filter.after, category, limit).await?;
    let is_full = i64::try_from(found.len()).is_ok_and(|count| count == limit);
    let next = found.last().map(|stream| stream.id).filter(|_| is_full);
    Ok(Json(Streams { streams: found.into_iter().map(Stream::from).collect(), next }))
}

fn category(name: &str) -> Result<Category, Problem> {
    let known = Category::ALL.into_iter().find(|category| category.name() == name);
    known.ok_or_else(|| Problem::invalid("/category", "there is no such category"))
}

/// The events of one stream
///
/// Personal data is opened; what was erased is shown as `{"erased": true}`.
#[utoipa::path(get, path = "/v1/admin/streams/{id}/events", operation_id = "admin_stream_events",
    tag = "admin", params(("id" = Uuid, Path), VersionFilter),
    responses((status = 200, body = StreamEvents), CallerProblems, Problems))]
async fn stream_events(
    State(app): State<App>,
    _admin: Admin,
    Path(stream): Path<Uuid>,
    Query(filter): Query<VersionFilter>,
) -> Result<Json<StreamEvents>, Problem> {
    let (after, limit) = page(filter.after, filter.limit)?;
    let log = app.commands.log();
    let mut events = log.stream(stream).await?;
    let version = events.last().map(|event| event.version);
    let version = version.ok_or_else(|| Problem::missing("stream"))?;
    events.retain(|event| event.version > after && event.version - after <= limit);
    let next = events.last().map(|event| event.version).filter(|last| *last < version);
    Ok(Json(StreamEvents { stream, version, events: log.reveal(events).await?, next }))
}
