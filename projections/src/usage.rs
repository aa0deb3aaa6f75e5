//! What each person used of each model, per day.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use domain::{Event, chat, user};
use eventlog::Recorded;
use serde::Serialize;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::{Queries, stored};

/// How much was used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct UsageNumbers {
    /// Runs asked for.
    pub runs: i64,
    /// Runs that could not go on.
    pub failed_runs: i64,
    /// Times a model was asked.
    pub model_calls: i64,
    /// Tools that Annals ran.
    pub tool_calls: i64,
    /// Tokens models read.
    pub input_tokens: i64,
    /// Tokens models wrote.
    pub output_tokens: i64,
}

/// How much was used of a model.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ModelUsage {
    /// The model, in its provider's words.
    pub model: String,
    /// How much.
    pub numbers: UsageNumbers,
}

/// How much was used on a day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DayUsage {
    /// The day, in UTC.
    pub day: NaiveDate,
    /// How much.
    pub numbers: UsageNumbers,
}

/// What a person used.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct UsageView {
    /// Of all models, on all days.
    pub totals: UsageNumbers,
    /// By model, in the order of their names.
    pub models: Vec<ModelUsage>,
    /// By day, the oldest first; days without use are left out.
    pub days: Vec<DayUsage>,
}

impl std::ops::AddAssign for UsageNumbers {
    fn add_assign(&mut self, other: Self) {
        self.runs += other.runs;
        self.failed_runs += other.failed_runs;
        self.model_calls += other.model_calls;
        self.tool_calls += other.tool_calls;
        self.input_tokens += other.input_tokens;
        self.output_tokens += other.output_tokens;
    }
}

impl UsageView {
    fn of(rows: impl IntoIterator<Item = (NaiveDate, String, UsageNumbers)>) -> Self {
        let mut totals = UsageNumbers::default();
        let mut models = BTreeMap::<String, UsageNumbers>::new();
        let mut days = BTreeMap::<NaiveDate, UsageNumbers>::new();
        for (day, model, numbers) in rows {
            totals += numbers;
            *models.entry(model).or_default() += numbers;
            *days.entry(day).or_default() += numbers;
        }
        Self {
            totals,
            models: models
                .into_iter()
                .map(|(model, numbers)| ModelUsage { model, numbers })
                .collect(),
            days: days.into_iter().map(|(day, numbers)| DayUsage { day, numbers }).collect(),
        }
    }
}

impl Queries {
    /// What a person used on a day and after it.
    pub async fn usage(&self, user: Uuid, since: NaiveDate) -> anyhow::Result<UsageView> {
        let rows = sqlx::query!(
            "select day, model, runs, failed_runs, model_calls, tool_calls, input_tokens,
                output_tokens
            from usage_view where user_id = $1 and day >= $2",
            user,
            since,
        )
        .fetch_all(self.pool())
        .await?;
        Ok(UsageView::of(rows.into_iter().map(|row| {
            let numbers = UsageNumbers {
                runs: row.runs,
                failed_runs: row.failed_runs,
                model_calls: row.model_calls,
                tool_calls: row.tool_calls,
                input_tokens: row.input_tokens,
                output_tokens: row.output_tokens,
            };
            (row.day, row.model, numbers)
        })))
    }
}

pub(crate) async fn apply(db: &mut PgConnection, recorded: &Recorded) -> sqlx::Result<()> {
    match &recorded.event {
        Event::Chat(event) => apply_chat(db, recorded, event).await,
        Event::User(user::Event::Erased { .. }) => erase(db, recorded.stream).await,
        Event::User(_)
        | Event::Session(_)
        | Event::ApiKey(_)
        | Event::Settings(_)
        | Event::Login(_) => Ok(()),
    }
}

async fn erase(db: &mut PgConnection, user: Uuid) -> sqlx::Result<()> {
    sqlx::query!(
        "with used as (delete from usage_view where user_id = $1),
            owned as (delete from usage_owner_view where user_id = $1)
        delete from usage_run_view where user_id = $1",
        user,
    )
    .execute(db)
    .await?;
    Ok(())
}

async fn apply_chat(
    db: &mut PgConnection,
    recorded: &Recorded,
    event: &chat::Event,
) -> sqlx::Result<()> {
    let none = UsageNumbers::default();
    let (run, numbers) = match event {
        chat::Event::Opened { owner, .. } => {
            sqlx::query!(
                "insert into usage_owner_view (session_id, user_id) values ($1, $2)",
                recorded.stream,
                owner,
            )
            .execute(db)
            .await?;
            return Ok(());
        }
        chat::Event::RunRequested { request } => {
            sqlx::query!(
                "insert into usage_run_view (run_id, user_id, model)
                select $1, user_id, $2 from usage_owner_view where session_id = $3",
                request.run,
                stored::text(&request.model),
                recorded.stream,
            )
            .execute(&mut *db)
            .await?;
            (request.run, UsageNumbers { runs: 1, ..none })
        }
        chat::Event::ModelCalled { run, .. } => (*run, UsageNumbers { model_calls: 1, ..none }),
        chat::Event::ModelAnswered { run, usage, .. } => {
            let (input, output) = (stored::count(usage.input), stored::count(usage.output));
            (*run, UsageNumbers { input_tokens: input, output_tokens: output, ..none })
        }
        chat::Event::ToolStarted { run, .. } => (*run, UsageNumbers { tool_calls: 1, ..none }),
        chat::Event::RunFailed { run, .. } => (*run, UsageNumbers { failed_runs: 1, ..none }),
        chat::Event::MessageAdded { .. }
        | chat::Event::ToolFinished { .. }
        | chat::Event::RunTakenOver { .. }
        | chat::Event::RunCompleted { .. }
        | chat::Event::RunCancelled { .. }
        | chat::Event::Deleted {} => return Ok(()),
    };
    add(db, run, recorded.recorded_at.date_naive(), numbers).await
}

async fn add(
    db: &mut PgConnection,
    run: Uuid,
    day: NaiveDate,
    numbers: UsageNumbers,
) -> sqlx::Result<()> {
    sqlx::query!(
        "insert into usage_view as u (user_id, day, model, runs, failed_runs, model_calls,
            tool_calls, input_tokens, output_tokens)
        select user_id, $2, model, $3, $4, $5, $6, $7, $8 from usage_run_view where run_id = $1
        on conflict (user_id, day, model) do update set runs = u.runs + excluded.runs,
            failed_runs = u.failed_runs + excluded.failed_runs,
            model_calls = u.model_calls + excluded.model_calls,
            tool_calls = u.tool_calls + excluded.tool_calls,
            input_tokens = u.input_tokens + excluded.input_tokens,
            output_tokens = u.output_tokens + excluded.output_tokens",
        run,
        day,
        numbers.runs,
        numbers.failed_runs,
        numbers.model_calls,
        numbers.tool_calls,
        numbers.input_tokens,
        numbers.output_tokens,
    )
    .execute(db)
    .await?;
    Ok(())
}
