//! What people said was not them, as it waits for administrators.

use chrono::{DateTime, Utc};
use domain::{Event, user};
use eventlog::{Position, Recorded};
use serde::Serialize;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::{Page, Queries};

/// Something that a person said was not them.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CaseView {
    /// Its id.
    pub id: Uuid,
    /// Whose account it is about.
    pub user_id: Uuid,
    /// From where in the log on everything was undone.
    pub undone_position: Position,
    /// When that was.
    pub opened_at: DateTime<Utc>,
    /// Where the log says so.
    pub opened_position: Position,
    /// When an administrator settled it.
    pub resolved_at: Option<DateTime<Utc>>,
    /// Which one.
    pub resolved_by: Option<Uuid>,
}

impl Queries {
    /// Cases, the newest first; only open or only settled ones where that is said.
    pub async fn cases(
        &self,
        is_open: Option<bool>,
        skip: u32,
        limit: u32,
    ) -> anyhow::Result<Page<CaseView>> {
        let total = sqlx::query_scalar!(
            r#"select count(*) as "count!" from case_view
            where $1::boolean is null or $1 = (resolved_at is null)"#,
            is_open,
        )
        .fetch_one(self.pool())
        .await?;
        let items = sqlx::query_as!(
            CaseView,
            "select case_id as id, user_id, undone_position, opened_at, opened_position,
                resolved_at, resolved_by
            from case_view where $1::boolean is null or $1 = (resolved_at is null)
            order by opened_at desc, case_id offset $2 limit $3",
            is_open,
            i64::from(skip),
            i64::from(limit),
        )
        .fetch_all(self.pool())
        .await?;
        Ok(Page { items, total })
    }
}

pub(crate) async fn apply(db: &mut PgConnection, recorded: &Recorded) -> sqlx::Result<()> {
    let Event::User(event) = &recorded.event else { return Ok(()) };
    match event {
        user::Event::Undone { of, case, at, .. } => {
            sqlx::query!(
                "insert into case_view (case_id, user_id, undone_position, opened_at, opened_position)
                values ($1, $2, $3, $4, $5)",
                case,
                recorded.stream,
                of,
                at,
                recorded.position,
            )
            .execute(db)
            .await?;
        }
        user::Event::CaseResolved { case, at } => {
            sqlx::query!(
                "update case_view set resolved_at = $2, resolved_by = $3 where case_id = $1",
                case,
                at,
                recorded.meta.actor,
            )
            .execute(db)
            .await?;
        }
        user::Event::Erased { .. } => {
            sqlx::query!("delete from case_view where user_id = $1", recorded.stream)
                .execute(db)
                .await?;
        }
        _ => {}
    }
    Ok(())
}
