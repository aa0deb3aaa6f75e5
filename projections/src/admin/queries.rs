//! Reading the numbers for the dashboard.

use chrono::{Days, NaiveDate};
use eventlog::Position;
use serde::Serialize;
use sqlx::PgConnection;

use super::Counts;
use crate::{Projection, Queries};

/// The most days in a series.
const MOST_DAYS: u32 = 400;

/// The numbers of a day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AdminDay {
    /// The day, in UTC.
    pub day: NaiveDate,
    /// How often things happened.
    pub counts: Counts,
    /// How many people were there.
    pub active_users: i64,
}

/// Numbers for the dashboard, all true at the same position.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AdminNumbers {
    /// How much of the log they show.
    pub position: Position,
    /// How often things happened since the beginning of the log.
    pub totals: Counts,
    /// The last days one by one, the oldest first, those without events too.
    pub days: Vec<AdminDay>,
    /// How many people were there on any of these days.
    pub active_users: i64,
}

impl Queries {
    /// The numbers of the `days` days up to `today`, 400 at most, and the totals.
    pub async fn admin_numbers(&self, today: NaiveDate, days: u32) -> anyhow::Result<AdminNumbers> {
        let begin = "begin isolation level repeatable read, read only";
        let mut snapshot = self.pool().begin_with(begin).await?;
        // A snapshot does not see the rows of a table that a rebuild swaps in later: keep the tables
        // where they are before the first read takes the snapshot.
        sqlx::query!("lock table admin_day_view, admin_active_view in access share mode")
            .execute(&mut *snapshot)
            .await?;
        let back = Days::new(u64::from(days.clamp(1, MOST_DAYS)) - 1);
        let first = today.checked_sub_days(back).unwrap_or(NaiveDate::MIN);
        let numbers = AdminNumbers {
            position: position(&mut snapshot).await?,
            totals: totals(&mut snapshot).await?,
            days: series(&mut snapshot, first, today).await?,
            active_users: active_users(&mut snapshot, first, today).await?,
        };
        snapshot.commit().await?;
        Ok(numbers)
    }
}

async fn position(db: &mut PgConnection) -> sqlx::Result<Position> {
    let position = sqlx::query_scalar!(
        "select checkpoint from read.projection where name = $1",
        Projection::Admin.name(),
    )
    .fetch_optional(db)
    .await?;
    Ok(position.unwrap_or(0))
}

async fn totals(db: &mut PgConnection) -> sqlx::Result<Counts> {
    sqlx::query_as!(
        Counts,
        r#"select coalesce(sum(registrations), 0)::bigint as "registrations!",
            coalesce(sum(verified), 0)::bigint as "verified!",
            coalesce(sum(logins), 0)::bigint as "logins!",
            coalesce(sum(failed_logins), 0)::bigint as "failed_logins!",
            coalesce(sum(runs), 0)::bigint as "runs!",
            coalesce(sum(completed_runs), 0)::bigint as "completed_runs!",
            coalesce(sum(failed_runs), 0)::bigint as "failed_runs!",
            coalesce(sum(model_calls), 0)::bigint as "model_calls!",
            coalesce(sum(tool_calls), 0)::bigint as "tool_calls!",
            coalesce(sum(input_tokens), 0)::bigint as "input_tokens!",
            coalesce(sum(output_tokens), 0)::bigint as "output_tokens!",
            coalesce(sum(events), 0)::bigint as "events!"
        from admin_day_view"#,
    )
    .fetch_one(db)
    .await
}

async fn series(
    db: &mut PgConnection,
    first: NaiveDate,
    last: NaiveDate,
) -> sqlx::Result<Vec<AdminDay>> {
    let rows = sqlx::query!(
        r#"select day, registrations, verified, logins, failed_logins, runs, completed_runs,
            failed_runs, model_calls, tool_calls, input_tokens, output_tokens, events,
            (select count(*) from admin_active_view a where a.day = d.day) as "active_users!"
        from admin_day_view d where day between $1 and $2 order by day"#,
        first,
        last,
    )
    .fetch_all(db)
    .await?;
    let mut rows = rows.into_iter().peekable();
    let days = first.iter_days().take_while(|day| *day <= last);
    Ok(days
        .map(|day| match rows.next_if(|row| row.day == day) {
            Some(row) => AdminDay {
                day,
                counts: Counts {
                    registrations: row.registrations,
                    verified: row.verified,
                    logins: row.logins,
                    failed_logins: row.failed_logins,
                    runs: row.runs,
                    completed_runs: row.completed_runs,
                    failed_runs: row.failed_runs,
                    model_calls: row.model_calls,
                    tool_calls: row.tool_calls,
                    input_tokens: row.input_tokens,
                    output_tokens: row.output_tokens,
                    events: row.events,
                },
                active_users: row.active_users,
            },
            None => AdminDay { day, counts: Counts::default(), active_users: 0 },
        })
        .collect())
}

async fn active_users(
    db: &mut PgConnection,
    first: NaiveDate,
    last: NaiveDate,
) -> sqlx::Result<i64> {
    sqlx::query_scalar!(
        r#"select count(distinct user_id) as "count!" from admin_active_view
        where day between $1 and $2"#,
        first,
        last,
    )
    .fetch_one(db)
    .await
}
