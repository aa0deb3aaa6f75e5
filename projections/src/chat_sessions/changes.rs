//! What a batch of events changes about conversations, and writing it down.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use domain::{
    Personal,
    chat::{self, Message},
};
use eventlog::{Position, Recorded};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::stored;

/// Changes by conversation.
type Changes = BTreeMap<Uuid, Change>;

/// What a batch changes about a conversation.
#[derive(Default)]
pub(super) struct Change {
    opened: Option<Opened>,
    is_deleted: bool,
    /// How many turns were added, those deleted again as well.
    added: i32,
    tokens: i64,
    last_model: Option<String>,
    updated_at: Option<DateTime<Utc>>,
    turns: Vec<Turn>,
}

struct Opened {
    owner: Uuid,
    title: Option<String>,
    at: DateTime<Utc>,
}

struct Turn {
    position: Position,
    ordinal: i32,
    message: Option<String>,
    at: DateTime<Utc>,
}

impl Change {
    pub(super) fn is_empty(&self) -> bool {
        self.updated_at.is_none()
    }

    /// Whether it is known to be somebody's.
    pub(super) fn is_of(&self, user: Uuid) -> bool {
        self.opened.as_ref().is_some_and(|opened| opened.owner == user)
    }

    pub(super) fn take_in(
        &mut self,
        recorded: &Recorded,
        event: &chat::Event,
    ) -> anyhow::Result<()> {
        match event {
            chat::Event::Opened { owner, title, .. } => {
                let title = title.as_ref().and_then(Personal::known).map(ToString::to_string);
                self.opened = Some(Opened { owner: *owner, title, at: recorded.recorded_at });
                self.updated_at = Some(recorded.recorded_at);
            }
            chat::Event::MessageAdded { message } => self.add(recorded, [message.known()])?,
            chat::Event::RunRequested { request } => {
                self.last_model = Some(stored::text(&request.model));
                self.add(recorded, request.messages.known().into_iter().flatten().map(Some))?;
            }
            chat::Event::ModelAnswered { message, usage, .. } => {
                self.tokens += stored::count(usage.input) + stored::count(usage.output);
                self.add(recorded, [message.known()])?;
            }
            chat::Event::ToolFinished { id, result, .. } => {
                let message = result.known().map(|result| Message::tool_result(id, result));
                self.add(recorded, [message.as_ref()])?;
            }
            chat::Event::Deleted {} => self.delete(recorded.recorded_at),
            chat::Event::ModelCalled { .. }
            | chat::Event::ToolStarted { .. }
            | chat::Event::RunTakenOver { .. }
            | chat::Event::RunCompleted { .. }
            | chat::Event::RunFailed { .. }
            | chat::Event::RunCancelled { .. } => {}
        }
        Ok(())
    }

    fn add<'a>(
        &mut self,
        recorded: &Recorded,
        messages: impl IntoIterator<Item = Option<&'a Message>>,
    ) -> anyhow::Result<()> {
        let (position, at) = (recorded.position, recorded.recorded_at);
        for (ordinal, message) in (0..).zip(messages) {
            let message = message.map(serde_json::to_string).transpose()?;
            self.turns.push(Turn { position, ordinal, message, at });
            self.added += 1;
        }
        self.updated_at = Some(at);
        Ok(())
    }

    /// What its owner threw away is not kept; that it was thrown away is.
    fn delete(&mut self, at: DateTime<Utc>) {
        self.turns.clear();
        self.is_deleted = true;
        self.updated_at = Some(at);
        if let Some(opened) = &mut self.opened {
            opened.title = None;
        }
    }
}

/// Of somebody who was erased not even that there were conversations is kept.
pub(super) async fn erase(
    db: &mut PgConnection,
    erased: &BTreeMap<Uuid, Position>,
    changes: &mut Changes,
) -> sqlx::Result<()> {
    if erased.is_empty() {
        return Ok(());
    }
    let owners: Vec<_> = erased.keys().copied().collect();
    let sessions = sqlx::query!(
        "with deleted as (
            delete from chat_session_view where owner_id = any($1) returning session_id, owner_id
        ), turns as (
            delete from chat_message_view m using deleted d where m.session_id = d.session_id
        )
        select session_id, owner_id from deleted",
        &owners,
    )
    .fetch_all(db)
    .await?;
    for session in sessions {
        if let Some(change) = changes.get_mut(&session.session_id) {
            let position = erased.get(&session.owner_id).copied().unwrap_or(0);
            change.turns.retain(|turn| turn.position > position);
        }
    }
    Ok(())
}

/// Turns of earlier batches; those of this one are left out already.
pub(super) async fn delete_messages(db: &mut PgConnection, changes: &Changes) -> sqlx::Result<()> {
    let deleted = changes.iter().filter(|(_, change)| change.is_deleted);
    let deleted: Vec<Uuid> = deleted.map(|(session, _)| *session).collect();
    if deleted.is_empty() {
        return Ok(());
    }
    sqlx::query!("delete from chat_message_view where session_id = any($1)", &deleted)
        .execute(db)
        .await?;
    Ok(())
}

pub(super) async fn insert_sessions(db: &mut PgConnection, changes: &Changes) -> sqlx::Result<()> {
    let mut rows = Rows::default();
    let (mut owners, mut titles, mut created) = (vec![], vec![], vec![]);
    for (session, change) in changes {
        let Some(opened) = &change.opened else { continue };
        rows.push(*session, change);
        owners.push(opened.owner);
        titles.push(opened.title.clone());
        created.push(opened.at);
    }
    if rows.sessions.is_empty() {
        return Ok(());
    }
    sqlx::query!(
        "insert into chat_session_view (session_id, owner_id, title, created_at, message_count,
            total_tokens, last_model, is_deleted, updated_at)
        select session_id, owner_id, title, created_at, added, tokens, last_model, is_deleted,
            updated_at
        from unnest($1::uuid[], $2::uuid[], $3::text[], $4::timestamptz[], $5::integer[],
                $6::bigint[], $7::text[], $8::boolean[], $9::timestamptz[])
            s(session_id, owner_id, title, created_at, added, tokens, last_model, is_deleted,
                updated_at)",
        &rows.sessions,
        &owners,
        &titles as &[Option<String>],
        &created,
        &rows.added,
        &rows.tokens,
        &rows.last_models as &[Option<String>],
        &rows.is_deleted,
        &rows.updated_at as &[Option<DateTime<Utc>>],
    )
    .execute(db)
    .await?;
    Ok(())
}

pub(super) async fn update_sessions(db: &mut PgConnection, changes: &Changes) -> sqlx::Result<()> {
    let mut rows = Rows::default();
    for (session, change) in changes.iter().filter(|(_, change)| change.opened.is_none()) {
        rows.push(*session, change);
    }
    if rows.sessions.is_empty() {
        return Ok(());
    }
    sqlx::query!(
        "update chat_session_view s set message_count = s.message_count + c.added,
            total_tokens = s.total_tokens + c.tokens,
            last_model = coalesce(c.last_model, s.last_model),
            is_deleted = s.is_deleted or c.is_deleted,
            title = case when c.is_deleted then null else s.title end,
            updated_at = c.updated_at
        from unnest($1::uuid[], $2::integer[], $3::bigint[], $4::text[], $5::boolean[],
                $6::timestamptz[])
            c(session_id, added, tokens, last_model, is_deleted, updated_at)
        where s.session_id = c.session_id",
        &rows.sessions,
        &rows.added,
        &rows.tokens,
        &rows.last_models as &[Option<String>],
        &rows.is_deleted,
        &rows.updated_at as &[Option<DateTime<Utc>>],
    )
    .execute(db)
    .await?;
    Ok(())
}

pub(super) async fn insert_messages(db: &mut PgConnection, changes: &Changes) -> sqlx::Result<()> {
    let (mut sessions, mut positions, mut ordinals) = (vec![], vec![], vec![]);
    let (mut messages, mut created) = (vec![], vec![]);
    for (session, change) in changes {
        for turn in &change.turns {
            sessions.push(*session);
            positions.push(turn.position);
            ordinals.push(turn.ordinal);
            messages.push(turn.message.as_deref());
            created.push(turn.at);
        }
    }
    if sessions.is_empty() {
        return Ok(());
    }
    sqlx::query!(
        "insert into chat_message_view (session_id, position, ordinal, message, created_at)
        select session_id, position, ordinal, message, created_at
        from unnest($1::uuid[], $2::bigint[], $3::integer[], $4::text[]::json[],
                $5::timestamptz[])
            m(session_id, position, ordinal, message, created_at)",
        &sessions,
        &positions,
        &ordinals,
        &messages as &[Option<&str>],
        &created,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// What may change about a conversation, by column.
#[derive(Default)]
struct Rows {
    sessions: Vec<Uuid>,
    added: Vec<i32>,
    tokens: Vec<i64>,
    last_models: Vec<Option<String>>,
    is_deleted: Vec<bool>,
    updated_at: Vec<Option<DateTime<Utc>>>,
}

impl Rows {
    fn push(&mut self, session: Uuid, change: &Change) {
        self.sessions.push(session);
        self.added.push(change.added);
        self.tokens.push(change.tokens);
        self.last_models.push(change.last_model.clone());
        self.is_deleted.push(change.is_deleted);
        self.updated_at.push(change.updated_at);
    }
}
