//! Conversations: list, begin, look at, throw away.

use axum::{extract::State, http::StatusCode, response::Response};
use chrono::{DateTime, Utc};
use commands::Caller;
use domain::Text;
use projections::{ChatSessionView, ChatStatus};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use crate::{
    App,
    body::{Json, Path, Query},
    envelope::{CallerProblems, Problems, Success},
    problem::Problem,
};

/// The routes of this file.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list, open)).routes(routes!(get, delete))
}

/// Which conversations to list.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Filter {
    /// How many to leave out.
    skip: Option<u32>,
    /// How many to list, 100 at most.
    limit: Option<u32>,
    /// `active` or `deleted`.
    #[param(value_type = Option<String>)]
    status: Option<ChatStatus>,
}

/// A conversation to begin.
#[derive(Deserialize, ToSchema)]
struct NewSession {
    /// What to call it.
    #[schema(value_type = Option<String>)]
    title: Option<Text>,
}

/// Conversations.
#[derive(Serialize, ToSchema)]
#[expect(clippy::struct_field_names, reason = "the names are those of the API")]
#[schema(as = ChatSessions)]
struct Sessions {
    sessions: Vec<Session>,
    total: i64,
    skip: u32,
    limit: u32,
}

/// A conversation, without what was said.
#[derive(Serialize, ToSchema)]
#[schema(as = ChatSession)]
struct Session {
    id: Uuid,
    title: Option<String>,
    /// `active` or `deleted`.
    status: &'static str,
    message_count: i32,
    total_tokens: i64,
    /// The model that was asked last.
    model: Option<String>,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

impl From<ChatSessionView> for Session {
    fn from(view: ChatSessionView) -> Self {
        Self {
            id: view.id,
            title: view.title,
            status: if view.is_deleted { "deleted" } else { "active" },
            message_count: view.message_count,
            total_tokens: view.total_tokens,
            model: view.last_model,
            created_at: view.created_at,
            updated_at: view.updated_at,
        }
    }
}

/// Your conversations
#[utoipa::path(get, path = "/v1/chat/sessions", operation_id = "chat_sessions", tag = "chat",
    params(Filter),
    responses((status = 200, body = Sessions), CallerProblems, Problems))]
async fn list(
    State(app): State<App>,
    caller: Caller,
    Query(filter): Query<Filter>,
) -> Result<Json<Sessions>, Problem> {
    caller.scope("chat")?;
    let (skip, limit) = (filter.skip.unwrap_or(0), filter.limit.unwrap_or(20).clamp(1, 100));
    let found = app.queries.chat_sessions(caller.user, skip, limit, filter.status).await?;
    let sessions = found.items.into_iter().map(Session::from).collect();
    Ok(Json(Sessions { sessions, total: found.total, skip, limit }))
}

/// Begin a conversation
#[utoipa::path(post, path = "/v1/chat/sessions", operation_id = "open_chat_session", tag = "chat",
    request_body = NewSession,
    responses((status = 201, body = Session), CallerProblems, Problems))]
async fn open(
    State(app): State<App>,
    caller: Caller,
    Json(body): Json<NewSession>,
) -> Result<Response, Problem> {
    let title = body.title.as_ref().map(ToString::to_string);
    let done = app.commands.open_chat(&caller, body.title).await?;
    let now = app.now();
    let session = |id| Session {
        id,
        title,
        status: "active",
        message_count: 0,
        total_tokens: 0,
        model: None,
        created_at: now,
        updated_at: now,
    };
    Ok(app.done(done, |id| (StatusCode::CREATED, Json(session(id)))).await)
}

/// A conversation
#[utoipa::path(get, path = "/v1/chat/sessions/{id}", operation_id = "chat_session", tag = "chat",
    params(("id" = Uuid, Path)),
    responses((status = 200, body = Session), CallerProblems, Problems))]
async fn get(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<Uuid>,
) -> Result<Json<Session>, Problem> {
    caller.scope("chat")?;
    let session = app.queries.chat_session(caller.user, id).await?;
    Ok(Json(session.ok_or_else(|| Problem::missing("chat session"))?.into()))
}

/// Throw a conversation away
#[utoipa::path(delete, path = "/v1/chat/sessions/{id}", operation_id = "delete_chat_session",
    tag = "chat",
    params(("id" = Uuid, Path)),
    responses((status = 200, body = Success), CallerProblems, Problems))]
async fn delete(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<Uuid>,
) -> Result<Response, Problem> {
    let done = app.commands.delete_chat(&caller, id).await?;
    Ok(app.done(done, |()| Json(Success::new("Chat session deleted"))).await)
}
