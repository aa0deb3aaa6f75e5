//! Conversations, and what was said in them.

mod queries;

use domain::{
    Event, Personal,
    chat::{self, Message},
    user,
};
use eventlog::Recorded;
use sqlx::PgConnection;

use crate::stored;

pub use queries::{ChatSessionView, ChatStatus, Cursor, History, MessageView};

/// What one event adds to a conversation.
#[derive(Default)]
struct Addition<'a> {
    messages: Vec<Option<Message>>,
    tokens: i64,
    model: Option<&'a str>,
}

pub(crate) async fn apply(db: &mut PgConnection, recorded: &Recorded) -> anyhow::Result<()> {
    match &recorded.event {
        Event::Chat(event) => apply_chat(db, recorded, event).await,
        Event::User(user::Event::Erased { .. }) => erase(db, recorded).await,
        Event::User(_)
        | Event::Session(_)
        | Event::ApiKey(_)
        | Event::Settings(_)
        | Event::Login(_) => Ok(()),
    }
}

async fn apply_chat(
    db: &mut PgConnection,
    recorded: &Recorded,
    event: &chat::Event,
) -> anyhow::Result<()> {
    match event {
        chat::Event::Opened { owner, title, .. } => {
            sqlx::query!(
                "insert into chat_session_view (session_id, owner_id, title, message_count,
                    total_tokens, is_deleted, created_at, updated_at)
                values ($1, $2, $3, 0, 0, false, $4, $4)",
                recorded.stream,
                owner,
                title.as_ref().and_then(Personal::known).map(ToString::to_string),
                recorded.recorded_at,
            )
            .execute(db)
            .await?;
            Ok(())
        }
        chat::Event::Deleted {} => delete(db, recorded).await,
        chat::Event::MessageAdded { .. }
        | chat::Event::RunRequested { .. }
        | chat::Event::ModelAnswered { .. }
        | chat::Event::ToolFinished { .. } => add(db, recorded, addition(event)).await,
        chat::Event::ModelCalled { .. }
        | chat::Event::ToolStarted { .. }
        | chat::Event::RunTakenOver { .. }
        | chat::Event::RunCompleted { .. }
        | chat::Event::RunFailed { .. }
        | chat::Event::RunCancelled { .. } => Ok(()),
    }
}

fn addition(event: &chat::Event) -> Addition<'_> {
    match event {
        chat::Event::MessageAdded { message } => {
            Addition { messages: vec![message.known().cloned()], ..Addition::default() }
        }
        chat::Event::RunRequested { request } => Addition {
            messages: request.messages.known().into_iter().flatten().cloned().map(Some).collect(),
            model: Some(&request.model),
            ..Addition::default()
        },
        chat::Event::ModelAnswered { message, usage, .. } => Addition {
            messages: vec![message.known().cloned()],
            tokens: stored::count(usage.input) + stored::count(usage.output),
            ..Addition::default()
        },
        chat::Event::ToolFinished { id, result, .. } => {
            let message = result.known().map(|result| Message::tool_result(id, result));
            Addition { messages: vec![message], ..Addition::default() }
        }
        chat::Event::Opened { .. }
        | chat::Event::ModelCalled { .. }
        | chat::Event::ToolStarted { .. }
        | chat::Event::RunTakenOver { .. }
        | chat::Event::RunCompleted { .. }
        | chat::Event::RunFailed { .. }
        | chat::Event::RunCancelled { .. }
        | chat::Event::Deleted {} => Addition::default(),
    }
}

async fn add(
    db: &mut PgConnection,
    recorded: &Recorded,
    addition: Addition<'_>,
) -> anyhow::Result<()> {
    let messages: Vec<Option<String>> = addition
        .messages
        .iter()
        .map(|message| message.as_ref().map(serde_json::to_string).transpose())
        .collect::<Result<_, _>>()?;
    sqlx::query!(
        "with added as (
            insert into chat_message_view (session_id, position, ordinal, message, created_at)
            select $1, $2, o::integer - 1, m::json, $3
            from unnest($4::text[]) with ordinality u(m, o)
        )
        update chat_session_view set message_count = message_count + cardinality($4::text[]),
            total_tokens = total_tokens + $5, last_model = coalesce($6, last_model), updated_at = $3
        where session_id = $1",
        recorded.stream,
        recorded.position,
        recorded.recorded_at,
        &messages as &[Option<String>],
        addition.tokens,
        addition.model.map(stored::text),
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Of somebody who was erased not even that there were conversations is kept.
async fn erase(db: &mut PgConnection, recorded: &Recorded) -> anyhow::Result<()> {
    sqlx::query!(
        "with deleted as (
            delete from chat_session_view where owner_id = $1 returning session_id
        )
        delete from chat_message_view m using deleted d where m.session_id = d.session_id",
        recorded.stream,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// What its owner threw away is not kept; that it was thrown away is.
async fn delete(db: &mut PgConnection, recorded: &Recorded) -> anyhow::Result<()> {
    sqlx::query!(
        "with deleted as (delete from chat_message_view where session_id = $1)
        update chat_session_view set is_deleted = true, title = null, updated_at = $2
        where session_id = $1",
        recorded.stream,
        recorded.recorded_at,
    )
    .execute(db)
    .await?;
    Ok(())
}
