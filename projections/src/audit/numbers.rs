//! How much was done, by whom, over a stretch of the log.

use chrono::{DateTime, Utc};
use eventlog::Position;
use serde::Serialize;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::{Projection, Queries};

/// How many people are listed at most.
const TOP: i64 = 10;

/// What was done over a stretch of the log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AuditNumbers {
    /// How much of the log the numbers show.
    pub position: Position,
    /// Events of any kind.
    pub events: i64,
    /// When the first of them was recorded.
    pub first_at: Option<DateTime<Utc>>,
    /// When the last of them was recorded.
    pub last_at: Option<DateTime<Utc>>,
    /// How many people did something.
    pub users: i64,
    /// What somebody did about somebody else.
    pub acts_on_others: i64,
    /// By the name of the event, the most frequent first.
    pub actions: Vec<ActionCount>,
    /// The people who did most, the most active first.
    pub top_users: Vec<UserCount>,
}

/// How often one thing was done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ActionCount {
    /// The name of the event.
    pub action: String,
    /// How often.
    pub events: i64,
}

/// How much one person did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct UserCount {
    /// Who.
    pub user_id: Uuid,
    /// How much.
    pub events: i64,
}

impl AuditNumbers {
    /// How often events of a name happened.
    #[must_use]
    pub fn count(&self, action: &str) -> i64 {
        self.actions.iter().find(|it| it.action == action).map_or(0, |it| it.events)
    }
}

impl Queries {
    /// What was done after a position and up to another one.
    pub async fn audit_numbers(
        &self,
        after: Position,
        upto: Position,
    ) -> anyhow::Result<AuditNumbers> {
        let mut snapshot = self.pool().begin().await?;
        sqlx::query!("set transaction isolation level repeatable read, read only")
            .execute(&mut *snapshot)
            .await?;
        let position = position(&mut snapshot).await?;
        let totals = sqlx::query!(
            r#"select count(*) as "events!", min(recorded_at) as first_at, max(recorded_at) as last_at,
                count(distinct actor_id) as "users!",
                count(*) filter (where actor_id <> subject_id) as "acts_on_others!"
            from audit_view where position > $1 and position <= $2"#,
            after,
            upto,
        )
        .fetch_one(&mut *snapshot)
        .await?;
        let numbers = AuditNumbers {
            position,
            events: totals.events,
            first_at: totals.first_at,
            last_at: totals.last_at,
            users: totals.users,
            acts_on_others: totals.acts_on_others,
            actions: actions(&mut snapshot, after, upto).await?,
            top_users: top_users(&mut snapshot, after, upto).await?,
        };
        snapshot.commit().await?;
        Ok(numbers)
    }
}

async fn position(db: &mut PgConnection) -> sqlx::Result<Position> {
    let position = sqlx::query_scalar!(
        "select checkpoint from read.projection where name = $1",
        Projection::Audit.name(),
    )
    .fetch_optional(db)
    .await?;
    Ok(position.unwrap_or(0))
}

async fn actions(
    db: &mut PgConnection,
    after: Position,
    upto: Position,
) -> sqlx::Result<Vec<ActionCount>> {
    sqlx::query_as!(
        ActionCount,
        r#"select action, count(*) as "events!" from audit_view
        where position > $1 and position <= $2 group by action order by 2 desc, action"#,
        after,
        upto,
    )
    .fetch_all(db)
    .await
}

async fn top_users(
    db: &mut PgConnection,
    after: Position,
    upto: Position,
) -> sqlx::Result<Vec<UserCount>> {
    sqlx::query_as!(
        UserCount,
        r#"select actor_id as "user_id!", count(*) as "events!" from audit_view
        where position > $1 and position <= $2 and actor_id is not null
        group by actor_id order by 2 desc, actor_id limit $3"#,
        after,
        upto,
        TOP,
    )
    .fetch_all(db)
    .await
}
