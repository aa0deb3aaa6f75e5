//! Signed-in devices.

use chrono::{DateTime, Utc};
use domain::{
    Event, Personal,
    session::{self, EndReason},
    user,
};
use eventlog::Recorded;
use serde::Serialize;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::{Page, Queries, stored};

/// A signed-in device, or one that was.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SessionView {
    /// Its id, which opens nothing.
    pub id: Uuid,
    /// The program that signed in, in its own words.
    pub user_agent: Option<String>,
    /// Where it signed in from.
    pub address: Option<String>,
    /// When it signed in.
    pub started_at: DateTime<Utc>,
    /// When it last asked for a token.
    pub last_refreshed_at: DateTime<Utc>,
    /// When it ends at the latest.
    pub expires_at: DateTime<Utc>,
    /// `active`, `expired`, `logged_out`, `token_reused` or `revoked`.
    pub status: String,
}

impl Queries {
    /// A person's devices, those that signed in last first; pages count from 1.
    pub async fn sessions(
        &self,
        user: Uuid,
        status: Option<&str>,
        page: u32,
        page_size: u32,
    ) -> anyhow::Result<Page<SessionView>> {
        let total = sqlx::query_scalar!(
            r#"select count(*) as "count!" from session_view cross join lateral (select case
                when end_reason is not null then end_reason
                when expires_at > clock_timestamp() then 'active' else 'expired' end as status) s
            where user_id = $1 and ($2::text is null or s.status = $2)"#,
            user,
            status,
        )
        .fetch_one(self.pool())
        .await?;
        let items = sqlx::query_as!(
            SessionView,
            r#"select session_id as id, user_agent, address, started_at, last_refreshed_at,
                expires_at, s.status as "status!"
            from session_view cross join lateral (select case
                when end_reason is not null then end_reason
                when expires_at > clock_timestamp() then 'active' else 'expired' end as status) s
            where user_id = $1 and ($2::text is null or s.status = $2)
            order by started_at desc, session_id offset $3 limit $4"#,
            user,
            status,
            i64::from(page.saturating_sub(1)) * i64::from(page_size),
            i64::from(page_size),
        )
        .fetch_all(self.pool())
        .await?;
        Ok(Page { items, total })
    }
}

pub(crate) async fn apply(db: &mut PgConnection, recorded: &Recorded) -> sqlx::Result<()> {
    match &recorded.event {
        Event::Session(event) => apply_session(db, recorded.stream, event).await,
        Event::User(user::Event::Erased { .. }) => {
            sqlx::query!("delete from session_view where user_id = $1", recorded.stream)
                .execute(db)
                .await?;
            Ok(())
        }
        Event::User(_)
        | Event::ApiKey(_)
        | Event::Settings(_)
        | Event::Chat(_)
        | Event::Login(_) => Ok(()),
    }
}

async fn apply_session(
    db: &mut PgConnection,
    id: Uuid,
    event: &session::Event,
) -> sqlx::Result<()> {
    match event {
        session::Event::Started { user, user_agent, address, at, expires_at } => {
            sqlx::query!(
                "insert into session_view (session_id, user_id, user_agent, address, started_at,
                    last_refreshed_at, expires_at)
                values ($1, $2, $3, $4, $5, $5, $6)",
                id,
                user,
                shown(user_agent.as_ref()),
                shown(address.as_ref()),
                at,
                expires_at,
            )
            .execute(db)
            .await?;
        }
        session::Event::Refreshed { at, .. } => {
            sqlx::query!(
                "update session_view set last_refreshed_at = $2 where session_id = $1",
                id,
                at,
            )
            .execute(db)
            .await?;
        }
        session::Event::Ended { reason } => {
            sqlx::query!(
                "update session_view set end_reason = $2 where session_id = $1",
                id,
                reason_name(*reason),
            )
            .execute(db)
            .await?;
        }
    }
    Ok(())
}

fn shown(text: Option<&Personal<String>>) -> Option<String> {
    text.and_then(Personal::known).map(|text| stored::text(text))
}

const fn reason_name(reason: EndReason) -> &'static str {
    match reason {
        EndReason::LoggedOut => "logged_out",
        EndReason::TokenReused => "token_reused",
        EndReason::Revoked => "revoked",
        EndReason::Erased => "erased",
    }
}
