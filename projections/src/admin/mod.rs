//! Numbers for the dashboard, per day.

mod counts;
mod queries;

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;
use domain::{Event, chat, session};
use eventlog::Recorded;
use sqlx::PgConnection;
use uuid::Uuid;

pub use counts::Counts;
pub use queries::{AdminDay, AdminNumbers};

/// Which events are counted: all.
pub(crate) fn wants(_name: &str) -> bool {
    true
}

/// Adds a whole batch up first: every event changes the row of its day.
pub(crate) async fn apply(db: &mut PgConnection, batch: &[&Recorded]) -> sqlx::Result<()> {
    let mut days = BTreeMap::<NaiveDate, Counts>::new();
    let mut active = BTreeSet::<(NaiveDate, Uuid)>::new();
    for recorded in batch {
        let day = recorded.recorded_at.date_naive();
        days.entry(day).or_default().count(&recorded.event);
        active.extend(active_user(recorded).map(|user| (day, user)));
    }
    for (day, counts) in days {
        add(db, day, counts).await?;
    }
    let (days, users): (Vec<_>, Vec<_>) = active.into_iter().unzip();
    if !users.is_empty() {
        sqlx::query!(
            "insert into admin_active_view (day, user_id)
            select day, user_id from unnest($1::date[], $2::uuid[]) a(day, user_id)
            on conflict (day, user_id) do nothing",
            &days,
            &users,
        )
        .execute(db)
        .await?;
    }
    Ok(())
}

/// Who was there in person when this happened.
fn active_user(recorded: &Recorded) -> Option<Uuid> {
    match &recorded.event {
        Event::Session(session::Event::Started { user, .. }) => Some(*user),
        Event::Session(session::Event::Refreshed { .. })
        | Event::Chat(chat::Event::RunRequested { .. }) => recorded.meta.subject,
        Event::Session(session::Event::Ended { .. })
        | Event::Chat(
            chat::Event::Opened { .. }
            | chat::Event::MessageAdded { .. }
            | chat::Event::ModelCalled { .. }
            | chat::Event::ModelAnswered { .. }
            | chat::Event::ToolStarted { .. }
            | chat::Event::ToolFinished { .. }
            | chat::Event::RunTakenOver { .. }
            | chat::Event::RunCompleted { .. }
            | chat::Event::RunFailed { .. }
            | chat::Event::RunCancelled { .. }
            | chat::Event::Deleted {},
        )
        | Event::User(_)
        | Event::ApiKey(_)
        | Event::Settings(_)
        | Event::Login(_)
        | Event::Audit(_)
        | Event::Notification(_)
        | Event::Inbox(_)
        | Event::Factors(_) => None,
    }
}

async fn add(db: &mut PgConnection, day: NaiveDate, counts: Counts) -> sqlx::Result<()> {
    sqlx::query!(
        "insert into admin_day_view as d (day, registrations, verified, logins, failed_logins,
            runs, completed_runs, failed_runs, model_calls, tool_calls, input_tokens,
            output_tokens, events)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
        on conflict (day) do update set
            registrations = d.registrations + excluded.registrations,
            verified = d.verified + excluded.verified,
            logins = d.logins + excluded.logins,
            failed_logins = d.failed_logins + excluded.failed_logins,
            runs = d.runs + excluded.runs,
            completed_runs = d.completed_runs + excluded.completed_runs,
            failed_runs = d.failed_runs + excluded.failed_runs,
            model_calls = d.model_calls + excluded.model_calls,
            tool_calls = d.tool_calls + excluded.tool_calls,
            input_tokens = d.input_tokens + excluded.input_tokens,
            output_tokens = d.output_tokens + excluded.output_tokens,
            events = d.events + excluded.events",
        day,
        counts.registrations,
        counts.verified,
        counts.logins,
        counts.failed_logins,
        counts.runs,
        counts.completed_runs,
        counts.failed_runs,
        counts.model_calls,
        counts.tool_calls,
        counts.input_tokens,
        counts.output_tokens,
        counts.events,
    )
    .execute(db)
    .await?;
    Ok(())
}
