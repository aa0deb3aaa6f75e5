//! Reading conversations.

use chrono::{DateTime, Utc};
use domain::chat::Message;
use eventlog::Position;
use serde::{Deserialize, Serialize};
use sqlx::types::Json;
use uuid::Uuid;

use crate::{Page, Queries};

/// A conversation, without what was said.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ChatSessionView {
    /// Its id.
    pub id: Uuid,
    /// What it is called.
    pub title: Option<String>,
    /// How many turns it had.
    pub message_count: i32,
    /// Tokens of all its model calls.
    pub total_tokens: i64,
    /// The model that was asked last.
    pub last_model: Option<String>,
    /// Whether its owner threw it away.
    pub is_deleted: bool,
    /// When it began.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
}

/// Which conversations to list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ChatStatus {
    /// Those that can go on.
    Active,
    /// Those thrown away.
    Deleted,
}

/// The place of a turn: the position of its event, and its place in the event.
pub type Cursor = (Position, i32);

/// A turn of a conversation.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct MessageView {
    /// The position of its event.
    pub position: Position,
    /// Its place in the event, from 0.
    pub ordinal: i32,
    /// What was said; nothing once it was erased.
    pub message: Option<Message>,
    /// When.
    pub created_at: DateTime<Utc>,
}

/// Some of the turns of a conversation, the oldest first.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct History {
    /// The turns.
    pub messages: Vec<MessageView>,
    /// Where to go on; none after the last turn.
    pub next: Option<Cursor>,
}

impl Queries {
    /// A person's conversations, the last changed first; those that can go on unless told otherwise.
    pub async fn chat_sessions(
        &self,
        owner: Uuid,
        skip: u32,
        limit: u32,
        status: Option<ChatStatus>,
    ) -> anyhow::Result<Page<ChatSessionView>> {
        let is_deleted = status == Some(ChatStatus::Deleted);
        let total = sqlx::query_scalar!(
            r#"select count(*) as "count!" from chat_session_view
            where owner_id = $1 and is_deleted = $2"#,
            owner,
            is_deleted,
        )
        .fetch_one(self.pool())
        .await?;
        let items = sqlx::query_as!(
            ChatSessionView,
            "select session_id as id, title, message_count, total_tokens, last_model, is_deleted,
                created_at, updated_at
            from chat_session_view where owner_id = $1 and is_deleted = $2
            order by updated_at desc, session_id offset $3 limit $4",
            owner,
            is_deleted,
            i64::from(skip),
            i64::from(limit),
        )
        .fetch_all(self.pool())
        .await?;
        Ok(Page { items, total })
    }

    /// A conversation, unless it is somebody else's or was thrown away.
    pub async fn chat_session(
        &self,
        owner: Uuid,
        id: Uuid,
    ) -> anyhow::Result<Option<ChatSessionView>> {
        let session = sqlx::query_as!(
            ChatSessionView,
            "select session_id as id, title, message_count, total_tokens, last_model, is_deleted,
                created_at, updated_at
            from chat_session_view where session_id = $1 and owner_id = $2 and not is_deleted",
            id,
            owner,
        )
        .fetch_optional(self.pool())
        .await?;
        Ok(session)
    }

    /// The turns of a conversation after `cursor`, unless it is somebody else's or was thrown away.
    pub async fn chat_history(
        &self,
        owner: Uuid,
        id: Uuid,
        cursor: Option<Cursor>,
        limit: u32,
    ) -> anyhow::Result<Option<History>> {
        if self.chat_session(owner, id).await?.is_none() {
            return Ok(None);
        }
        let (position, ordinal) = cursor.unwrap_or((0, 0));
        let rows = sqlx::query!(
            r#"select position, ordinal, message as "message: Json<Message>", created_at
            from chat_message_view where session_id = $1 and (position, ordinal) > ($2, $3)
            order by position, ordinal limit $4"#,
            id,
            position,
            ordinal,
            i64::from(limit) + 1,
        )
        .fetch_all(self.pool())
        .await?;
        let has_more = rows.len() > usize::try_from(limit)?;
        let shown = rows.into_iter().take(usize::try_from(limit)?);
        let messages: Vec<_> = shown
            .map(|row| MessageView {
                position: row.position,
                ordinal: row.ordinal,
                message: row.message.map(|message| message.0),
                created_at: row.created_at,
            })
            .collect();
        let last = messages.last().map(|last| (last.position, last.ordinal));
        Ok(Some(History { messages, next: last.filter(|_| has_more) }))
    }
}
