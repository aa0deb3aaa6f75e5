//! What was said in a conversation.

use axum::{extract::State, http::StatusCode, response::Response};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::{DateTime, Utc};
use commands::Caller;
use domain::chat::Message;
use projections::{Cursor, MessageView};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use super::{answer::Call, body::Mistakes, message::MessageBody};
use crate::{
    App,
    body::{Json, Path, Query},
    envelope::{CallerProblems, Problems, Success},
    problem::Problem,
};

/// The routes of this file.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(history)).routes(routes!(messages, add))
}

/// Which turns to list.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Range {
    /// Where an earlier answer ended (`nextCursor`).
    cursor: Option<String>,
    /// How many to list, 200 at most.
    limit: Option<u32>,
    /// How many to leave out.
    skip: Option<u32>,
}

/// Turns, the oldest first.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct History {
    messages: Vec<Turn>,
    /// Where to go on; none after the last turn.
    next_cursor: Option<String>,
    has_more: bool,
}

/// A turn.
#[derive(Serialize, ToSchema)]
struct Turn {
    id: String,
    /// `system`, `user`, `assistant` or `tool`; nothing once it was erased.
    role: Option<&'static str>,
    content: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tool_calls: Vec<Call>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_call_id: Option<String>,
    created_at: DateTime<Utc>,
}

/// Several turns, or just one.
#[derive(Deserialize, ToSchema)]
struct NewTurns {
    /// Several.
    messages: Option<Vec<MessageBody>>,
    /// Who says the only one.
    role: Option<String>,
    /// The text of the only one.
    content: Option<String>,
}

impl NewTurns {
    fn read(self) -> Result<Vec<Message>, Problem> {
        let mut mistakes = Mistakes::default();
        let several = self.messages.unwrap_or_default().into_iter().enumerate();
        let mut turns: Vec<_> = several
            .filter_map(|(place, turn)| turn.read(&format!("/messages/{place}"), &mut mistakes))
            .collect();
        if let Some(role) = self.role {
            turns.extend(MessageBody::text(role, self.content).read("", &mut mistakes));
        }
        mistakes.none()?;
        Ok(turns)
    }
}

impl From<MessageView> for Turn {
    fn from(view: MessageView) -> Self {
        let message = view.message;
        let calls = message.as_ref().map_or(&[][..], |message: &Message| &message.tool_calls);
        Self {
            id: format!("{}-{}", view.position, view.ordinal),
            role: message.as_ref().map(|message| message.role.name()),
            content: message.as_ref().map(Message::plain_text),
            tool_calls: calls.iter().map(Call::from).collect(),
            tool_call_id: message.and_then(|message| message.tool_call_id),
            created_at: view.created_at,
        }
    }
}

/// What was said
#[utoipa::path(get, path = "/v1/chat/sessions/{id}/history", tag = "chat",
    params(("id" = Uuid, Path), Range),
    responses((status = 200, body = History), CallerProblems, Problems))]
async fn history(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<Uuid>,
    Query(range): Query<Range>,
) -> Result<Json<History>, Problem> {
    caller.scope("chat")?;
    let cursor = range.cursor.as_deref().map(read_cursor).transpose()?;
    let limit = range.limit.unwrap_or(50).clamp(1, 200);
    let skip = range.skip.unwrap_or(0).min(10_000);
    let found =
        app.queries.chat_history(caller.user, id, cursor, limit.saturating_add(skip)).await?;
    let found = found.ok_or_else(|| Problem::missing("chat session"))?;
    let shown = found.messages.into_iter().skip(skip as usize);
    Ok(Json(History {
        messages: shown.map(Turn::from).collect(),
        next_cursor: found.next.map(write_cursor),
        has_more: found.next.is_some(),
    }))
}

/// What was said
#[utoipa::path(get, path = "/v1/chat/sessions/{id}/messages", tag = "chat",
    params(("id" = Uuid, Path), Range),
    responses((status = 200, body = History), CallerProblems, Problems))]
async fn messages(
    app: State<App>,
    caller: Caller,
    id: Path<Uuid>,
    range: Query<Range>,
) -> Result<Json<History>, Problem> {
    history(app, caller, id, range).await
}

/// Say something without asking a model
#[utoipa::path(post, path = "/v1/chat/sessions/{id}/messages", operation_id = "add_messages",
    tag = "chat",
    params(("id" = Uuid, Path)),
    request_body = NewTurns,
    responses((status = 201, body = Success), CallerProblems, Problems))]
async fn add(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<Uuid>,
    Json(body): Json<NewTurns>,
) -> Result<Response, Problem> {
    let done = app.commands.add_messages(&caller, id, body.read()?).await?;
    Ok(app.done(done, |()| (StatusCode::CREATED, Json(Success::new("Messages added")))).await)
}

fn write_cursor((position, ordinal): Cursor) -> String {
    URL_SAFE_NO_PAD.encode(format!("{position}.{ordinal}"))
}

fn read_cursor(text: &str) -> Result<Cursor, Problem> {
    let cursor = || {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        let text = String::from_utf8(bytes).ok()?;
        let (position, ordinal) = text.split_once('.')?;
        Some((position.parse().ok()?, ordinal.parse().ok()?))
    };
    cursor().ok_or_else(|| Problem::invalid("/cursor", "this is not a cursor of ours"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_reads_back() {
        assert!(matches!(read_cursor(&write_cursor((42, 7))), Ok((42, 7))));
    }

    #[test]
    fn a_forged_cursor_is_refused() {
        for text in [
            "",
            "42",
            "NDI",
            "!!",
            &URL_SAFE_NO_PAD.encode("1.x"),
            &URL_SAFE_NO_PAD.encode("1;drop"),
        ] {
            let refused = read_cursor(text).map_err(|problem| problem.status.as_u16());
            assert_eq!(refused, Err(422), "{text}");
        }
    }
}
