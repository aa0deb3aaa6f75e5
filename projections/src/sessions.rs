//! Signed-in devices.

use std::collections::BTreeMap;

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

use crate::{Page, Queries, erasures::ERASED, stored};

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
    /// When it was last used, as far as that is written down.
    pub last_seen_at: DateTime<Utc>,
    /// When it ends if nothing more happens.
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
                when least(expires_at, last_refreshed_at + make_interval(secs => idle_seconds))
                    > clock_timestamp() then 'active' else 'expired' end as status) s
            where user_id = $1 and ($2::text is null or s.status = $2)"#,
            user,
            status,
        )
        .fetch_one(self.pool())
        .await?;
        let items = sqlx::query_as!(
            SessionView,
            r#"select v.session_id as id, user_agent, address, started_at,
                greatest(last_refreshed_at, u.seen_at) as "last_seen_at!", e.at as "expires_at!",
                s.status as "status!"
            from session_view v
            cross join lateral (select
                least(expires_at, last_refreshed_at + make_interval(secs => idle_seconds)) as at) e
            cross join lateral (select case when end_reason is not null then end_reason
                when e.at > clock_timestamp() then 'active' else 'expired' end as status) s
            left join work.session_use u on u.session_id = v.session_id
            where v.user_id = $1 and ($2::text is null or s.status = $2)
            order by started_at desc, v.session_id offset $3 limit $4"#,
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

/// Which events change a device's row.
pub(crate) fn wants(name: &str) -> bool {
    name.starts_with("session.") || name == ERASED
}

pub(crate) async fn apply(db: &mut PgConnection, batch: &[&Recorded]) -> sqlx::Result<()> {
    let mut changes = BTreeMap::<Uuid, Change>::new();
    let mut erased = Vec::new();
    for recorded in batch {
        match &recorded.event {
            Event::Session(event) => changes.entry(recorded.stream).or_default().take_in(event),
            Event::User(user::Event::Erased { .. }) => {
                changes.retain(|_, change| !change.is_of(recorded.stream));
                erased.push(recorded.stream);
            }
            Event::User(_)
            | Event::ApiKey(_)
            | Event::Settings(_)
            | Event::Chat(_)
            | Event::Login(_)
            | Event::Audit(_)
            | Event::Notification(_)
            | Event::Inbox(_)
            | Event::Factors(_) => {}
        }
    }
    let (new, known): (Vec<_>, Vec<_>) =
        changes.into_iter().partition(|(_, change)| change.started.is_some());
    erase(db, &erased).await?;
    insert(db, new).await?;
    update(db, known).await
}

/// What a batch changes about a device; nothing where it says nothing.
#[derive(Default)]
struct Change {
    started: Option<Started>,
    last_refreshed_at: Option<DateTime<Utc>>,
    end_reason: Option<&'static str>,
}

struct Started {
    user: Uuid,
    user_agent: Option<String>,
    address: Option<String>,
    at: DateTime<Utc>,
    expires_at: DateTime<Utc>,
    idle_seconds: Option<i32>,
}

impl Change {
    /// Whether it is known to be somebody's.
    fn is_of(&self, user: Uuid) -> bool {
        self.started.as_ref().is_some_and(|started| started.user == user)
    }

    fn take_in(&mut self, event: &session::Event) {
        match event {
            session::Event::Started {
                user,
                user_agent,
                address,
                at,
                expires_at,
                idle_seconds,
                ..
            } => {
                self.started = Some(Started {
                    user: *user,
                    user_agent: shown(user_agent.as_ref()),
                    address: shown(address.as_ref()),
                    at: *at,
                    expires_at: *expires_at,
                    idle_seconds: idle_seconds.and_then(|seconds| i32::try_from(seconds).ok()),
                });
            }
            session::Event::Refreshed { at, .. } => self.last_refreshed_at = Some(*at),
            session::Event::Ended { reason } => self.end_reason = Some(reason_name(*reason)),
        }
    }
}

/// Rows of earlier batches; those of this one are left out already.
async fn erase(db: &mut PgConnection, users: &[Uuid]) -> sqlx::Result<()> {
    if users.is_empty() {
        return Ok(());
    }
    sqlx::query!("delete from session_view where user_id = any($1)", users).execute(db).await?;
    Ok(())
}

async fn insert(db: &mut PgConnection, sessions: Vec<(Uuid, Change)>) -> sqlx::Result<()> {
    if sessions.is_empty() {
        return Ok(());
    }
    let mut rows = Rows::default();
    let (mut users, mut agents, mut addresses) = (vec![], vec![], vec![]);
    let (mut started, mut expires, mut idle) = (vec![], vec![], vec![]);
    for (id, mut change) in sessions {
        let Some(new) = change.started.take() else { continue };
        rows.push(id, &change);
        users.push(new.user);
        agents.push(new.user_agent);
        addresses.push(new.address);
        started.push(new.at);
        expires.push(new.expires_at);
        idle.push(new.idle_seconds);
    }
    sqlx::query!(
        "insert into session_view (session_id, user_id, user_agent, address, started_at,
            last_refreshed_at, expires_at, idle_seconds, end_reason)
        select session_id, user_id, user_agent, address, started_at,
            coalesce(last_refreshed_at, started_at), expires_at, idle_seconds, end_reason
        from unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::timestamptz[],
                $6::timestamptz[], $7::timestamptz[], $8::integer[], $9::text[])
            s(session_id, user_id, user_agent, address, started_at, last_refreshed_at, expires_at,
                idle_seconds, end_reason)",
        &rows.ids,
        &users,
        &agents as &[Option<String>],
        &addresses as &[Option<String>],
        &started,
        &rows.last_refreshed_at as &[Option<DateTime<Utc>>],
        &expires,
        &idle as &[Option<i32>],
        &rows.end_reasons as &[Option<&str>],
    )
    .execute(db)
    .await?;
    Ok(())
}

async fn update(db: &mut PgConnection, sessions: Vec<(Uuid, Change)>) -> sqlx::Result<()> {
    if sessions.is_empty() {
        return Ok(());
    }
    let mut rows = Rows::default();
    for (id, change) in sessions {
        rows.push(id, &change);
    }
    sqlx::query!(
        "update session_view s
        set last_refreshed_at = coalesce(c.last_refreshed_at, s.last_refreshed_at),
            end_reason = coalesce(c.end_reason, s.end_reason)
        from unnest($1::uuid[], $2::timestamptz[], $3::text[])
            c(session_id, last_refreshed_at, end_reason)
        where s.session_id = c.session_id",
        &rows.ids,
        &rows.last_refreshed_at as &[Option<DateTime<Utc>>],
        &rows.end_reasons as &[Option<&str>],
    )
    .execute(db)
    .await?;
    Ok(())
}

/// What may change, by column.
#[derive(Default)]
struct Rows {
    ids: Vec<Uuid>,
    last_refreshed_at: Vec<Option<DateTime<Utc>>>,
    end_reasons: Vec<Option<&'static str>>,
}

impl Rows {
    fn push(&mut self, id: Uuid, change: &Change) {
        self.ids.push(id);
        self.last_refreshed_at.push(change.last_refreshed_at);
        self.end_reasons.push(change.end_reason);
    }
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
