//! People who were erased, without anything of them but an id that leads nowhere.

use chrono::{DateTime, Utc};
use domain::{Event, user};
use eventlog::{Position, Recorded};
use serde::Serialize;
use serde_json::Value;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::{Page, Queries};

/// The erasure of a person.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ErasureView {
    /// Who was erased.
    pub user_id: Uuid,
    /// Who asked for it.
    pub requested_by: Option<Uuid>,
    /// When.
    pub requested_at: DateTime<Utc>,
    /// Where the log says so.
    pub requested_position: Position,
    /// When the key was destroyed.
    pub erased_at: Option<DateTime<Utc>>,
    /// Where the log says so.
    pub erased_position: Option<Position>,
    /// The signed certificate, once there is one.
    pub certificate: Option<Value>,
}

/// What a person has that goes on by itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Belongings {
    /// Signed-in devices, and those that were.
    pub sessions: Vec<Belonging>,
    /// Keys for programs, and those that were.
    pub api_keys: Vec<Belonging>,
    /// Conversations, and those that were.
    pub chats: Vec<Belonging>,
}

/// One thing that a person has or had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Belonging {
    /// Its id.
    pub id: Uuid,
    /// Whether it still goes on.
    pub lasts: bool,
}

/// How many rows of a table tell of a person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Holding {
    /// The table.
    pub table: String,
    /// How many.
    pub rows: i64,
}

impl Queries {
    /// Erasures, the newest first.
    pub async fn erasures(&self, skip: u32, limit: u32) -> anyhow::Result<Page<ErasureView>> {
        let total = sqlx::query_scalar!(r#"select count(*) as "count!" from erasure_view"#)
            .fetch_one(self.pool())
            .await?;
        let items = sqlx::query_as!(
            ErasureView,
            "select user_id, requested_by, requested_at, requested_position, erased_at,
                erased_position, certificate
            from erasure_view order by requested_at desc, user_id offset $1 limit $2",
            i64::from(skip),
            i64::from(limit),
        )
        .fetch_all(self.pool())
        .await?;
        Ok(Page { items, total })
    }

    /// The erasure of a person.
    pub async fn erasure(&self, user: Uuid) -> anyhow::Result<Option<ErasureView>> {
        let erasure = sqlx::query_as!(
            ErasureView,
            "select user_id, requested_by, requested_at, requested_position, erased_at,
                erased_position, certificate
            from erasure_view where user_id = $1",
            user,
        )
        .fetch_optional(self.pool())
        .await?;
        Ok(erasure)
    }

    /// What a person has and had.
    pub async fn belongings(&self, user: Uuid) -> anyhow::Result<Belongings> {
        let sessions = sqlx::query_as!(
            Belonging,
            r#"select session_id as id, end_reason is null as "lasts!"
            from session_view where user_id = $1"#,
            user,
        )
        .fetch_all(self.pool())
        .await?;
        let api_keys = sqlx::query_as!(
            Belonging,
            r#"select key_id as id, not is_revoked as "lasts!" from api_key_view where owner_id = $1"#,
            user,
        )
        .fetch_all(self.pool())
        .await?;
        let chats = sqlx::query_as!(
            Belonging,
            r#"select session_id as id, not is_deleted as "lasts!"
            from chat_session_view where owner_id = $1"#,
            user,
        )
        .fetch_all(self.pool())
        .await?;
        Ok(Belongings { sessions, api_keys, chats })
    }

    /// How many rows of each read model tell of a person.
    pub async fn holdings(&self, user: Uuid) -> anyhow::Result<Vec<Holding>> {
        let holdings = sqlx::query_as!(
            Holding,
            r#"select 'user_view' as "table!", count(*) as "rows!"
                from user_view where user_id = $1
            union all select 'case_view', count(*) from case_view where user_id = $1
            union all select 'session_view', count(*) from session_view where user_id = $1
            union all select 'api_key_view', count(*) from api_key_view where owner_id = $1
            union all select 'settings_view', count(*) from settings_view where user_id = $1
            union all select 'chat_session_view', count(*)
                from chat_session_view where owner_id = $1
            union all select 'chat_message_view', count(*) from chat_message_view m
                join chat_session_view s on s.session_id = m.session_id where s.owner_id = $1
            union all select 'usage_view', count(*) from usage_view where user_id = $1
            union all select 'usage_owner_view', count(*) from usage_owner_view where user_id = $1
            union all select 'usage_run_view', count(*) from usage_run_view where user_id = $1
            union all select 'notification_view', count(*)
                from notification_view where user_id = $1"#,
            user,
        )
        .fetch_all(self.pool())
        .await?;
        Ok(holdings)
    }
}

/// The event that has every read model forget a person, even one that leaves their stream out.
pub(crate) const ERASED: &str = "user.erased";

pub(crate) async fn apply(db: &mut PgConnection, recorded: &Recorded) -> sqlx::Result<()> {
    let Event::User(event) = &recorded.event else { return Ok(()) };
    match event {
        user::Event::ErasureRequested { at, .. } => {
            sqlx::query!(
                "insert into erasure_view
                    (user_id, requested_by, requested_at, requested_position)
                values ($1, $2, $3, $4)",
                recorded.stream,
                recorded.meta.actor,
                at,
                recorded.position,
            )
            .execute(db)
            .await?;
        }
        user::Event::Erased { at } => {
            sqlx::query!(
                "update erasure_view set erased_at = $2, erased_position = $3 where user_id = $1",
                recorded.stream,
                at,
                recorded.position,
            )
            .execute(db)
            .await?;
        }
        user::Event::ErasureCertified { certificate } => {
            sqlx::query!(
                "update erasure_view set certificate = $2 where user_id = $1",
                recorded.stream,
                certificate,
            )
            .execute(db)
            .await?;
        }
        _ => {}
    }
    Ok(())
}
