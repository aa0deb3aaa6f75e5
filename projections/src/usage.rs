//! What each person used of each model, per day.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use domain::{Event, chat, user};
use eventlog::Recorded;
use serde::Serialize;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::{Queries, erasures::ERASED, stored};

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

/// Which events tell what was used.
pub(crate) fn wants(name: &str) -> bool {
    name.starts_with("chat.") || name == ERASED
}

/// Owners first, then their runs, then what these used: each statement finds what the one before
/// it wrote, and the order of events within each does not matter.
pub(crate) async fn apply(db: &mut PgConnection, batch: &[&Recorded]) -> sqlx::Result<()> {
    let mut used = Used::default();
    for recorded in batch {
        match &recorded.event {
            Event::Chat(event) => used.take_in(recorded, event),
            Event::User(user::Event::Erased { .. }) => {
                used.owners.retain(|_, owner| *owner != recorded.stream);
                used.erased.push(recorded.stream);
            }
            Event::User(_)
            | Event::Session(_)
            | Event::ApiKey(_)
            | Event::Settings(_)
            | Event::Login(_)
            | Event::Audit(_)
            | Event::Notification(_)
            | Event::Inbox(_)
            | Event::Factors(_) => {}
        }
    }
    used.erase(db).await?;
    used.insert_owners(db).await?;
    used.insert_runs(db).await?;
    used.add(db).await
}

/// What a batch says of use.
#[derive(Default)]
struct Used {
    erased: Vec<Uuid>,
    /// By conversation.
    owners: BTreeMap<Uuid, Uuid>,
    runs: Vec<Uuid>,
    models: Vec<String>,
    /// The conversation of each run.
    sessions: Vec<Uuid>,
    numbers: BTreeMap<(Uuid, NaiveDate), UsageNumbers>,
}

impl Used {
    fn take_in(&mut self, recorded: &Recorded, event: &chat::Event) {
        let none = UsageNumbers::default();
        let (run, numbers) = match event {
            chat::Event::Opened { owner, .. } => {
                self.owners.insert(recorded.stream, *owner);
                return;
            }
            chat::Event::RunRequested { request } => {
                self.runs.push(request.run);
                self.models.push(stored::text(&request.model));
                self.sessions.push(recorded.stream);
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
            | chat::Event::Deleted {} => return,
        };
        *self.numbers.entry((run, recorded.recorded_at.date_naive())).or_default() += numbers;
    }

    /// Rows of earlier batches, and with them the owners that what follows would be counted for.
    async fn erase(&self, db: &mut PgConnection) -> sqlx::Result<()> {
        if self.erased.is_empty() {
            return Ok(());
        }
        sqlx::query!(
            "with used as (delete from usage_view where user_id = any($1)),
                owned as (delete from usage_owner_view where user_id = any($1))
            delete from usage_run_view where user_id = any($1)",
            &self.erased,
        )
        .execute(db)
        .await?;
        Ok(())
    }

    async fn insert_owners(&self, db: &mut PgConnection) -> sqlx::Result<()> {
        if self.owners.is_empty() {
            return Ok(());
        }
        let (sessions, users): (Vec<_>, Vec<_>) = self.owners.iter().unzip();
        sqlx::query!(
            "insert into usage_owner_view (session_id, user_id)
            select session_id, user_id from unnest($1::uuid[], $2::uuid[]) o(session_id, user_id)",
            &sessions as &[&Uuid],
            &users as &[&Uuid],
        )
        .execute(db)
        .await?;
        Ok(())
    }

    async fn insert_runs(&self, db: &mut PgConnection) -> sqlx::Result<()> {
        if self.runs.is_empty() {
            return Ok(());
        }
        sqlx::query!(
            "insert into usage_run_view (run_id, user_id, model)
            select r.run_id, o.user_id, r.model
            from unnest($1::uuid[], $2::text[], $3::uuid[]) r(run_id, model, session_id)
            join usage_owner_view o on o.session_id = r.session_id",
            &self.runs,
            &self.models,
            &self.sessions,
        )
        .execute(db)
        .await?;
        Ok(())
    }

    async fn add(&self, db: &mut PgConnection) -> sqlx::Result<()> {
        if self.numbers.is_empty() {
            return Ok(());
        }
        let (runs, days): (Vec<_>, Vec<_>) = self.numbers.keys().copied().unzip();
        let column = |of: fn(&UsageNumbers) -> i64| self.numbers.values().map(of).collect();
        let counts: [Vec<i64>; 6] = [
            column(|it| it.runs),
            column(|it| it.failed_runs),
            column(|it| it.model_calls),
            column(|it| it.tool_calls),
            column(|it| it.input_tokens),
            column(|it| it.output_tokens),
        ];
        // In the order of the key: others who add to the same rows lock them in this order, too.
        sqlx::query!(
            "insert into usage_view as u (user_id, day, model, runs, failed_runs, model_calls,
                tool_calls, input_tokens, output_tokens)
            select r.user_id, n.day, r.model, sum(n.runs)::bigint, sum(n.failed_runs)::bigint,
                sum(n.model_calls)::bigint, sum(n.tool_calls)::bigint, sum(n.input_tokens)::bigint,
                sum(n.output_tokens)::bigint
            from unnest($1::uuid[], $2::date[], $3::bigint[], $4::bigint[], $5::bigint[],
                    $6::bigint[], $7::bigint[], $8::bigint[])
                n(run_id, day, runs, failed_runs, model_calls, tool_calls, input_tokens,
                    output_tokens)
            join usage_run_view r on r.run_id = n.run_id
            group by r.user_id, n.day, r.model order by r.user_id, n.day, r.model
            on conflict (user_id, day, model) do update set runs = u.runs + excluded.runs,
                failed_runs = u.failed_runs + excluded.failed_runs,
                model_calls = u.model_calls + excluded.model_calls,
                tool_calls = u.tool_calls + excluded.tool_calls,
                input_tokens = u.input_tokens + excluded.input_tokens,
                output_tokens = u.output_tokens + excluded.output_tokens",
            &runs,
            &days,
            &counts[0],
            &counts[1],
            &counts[2],
            &counts[3],
            &counts[4],
            &counts[5],
        )
        .execute(db)
        .await?;
        Ok(())
    }
}
