//! What was true at an earlier moment, and what became of it.

use axum::extract::State;
use eventlog::Position;
use projections::{Projection, Scope, TableAsOf, Unanswered};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use crate::{
    App,
    body::{Json, Query},
    caller::Admin,
    envelope::{CallerProblems, Problems},
    moment::{self, Edge},
    problem::Problem,
};

/// Rows of a table that are answered at once at most.
const MAX_ROWS: usize = 1000;

/// The routes of this file.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(as_of)).routes(routes!(diff))
}

/// What is asked about: one stream, or one read model.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Subject {
    /// A stream: an account, a session, an API key, preferences, a conversation ...
    stream: Option<Uuid>,
    /// A read model: users, sessions, `api_keys`, settings, `chat_sessions`, usage, admin, audit.
    model: Option<String>,
    /// Only what follows from the events of this person.
    user_id: Option<Uuid>,
    /// Only what follows from the events of this stream.
    id: Option<Uuid>,
}

/// Which moment; the present where nothing is said.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Moment {
    /// A position of the log.
    position: Option<Position>,
    /// A day (its end) or a moment (RFC 3339).
    time: Option<String>,
    /// How many rows of a table to answer, 1000 at most.
    limit: Option<usize>,
    /// How many rows of a table to leave out.
    skip: Option<usize>,
}

/// Between which moments: positions, days (their ends) or moments (RFC 3339).
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Span {
    from: String,
    to: String,
}

/// What was true.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
enum AsOf {
    /// Of a stream: `{stream, category, position, version, state, events}`.
    Stream(Value),
    /// Of a read model.
    Model(ModelAnswer),
}

/// A read model as it was.
#[derive(Serialize, ToSchema)]
struct ModelAnswer {
    model: &'static str,
    position: Position,
    /// How many events were replayed for it.
    events: usize,
    tables: Vec<TableAnswer>,
}

/// A table as it was.
#[derive(Serialize, ToSchema)]
struct TableAnswer {
    name: &'static str,
    /// How many rows it had.
    total: usize,
    /// Some of them, in the order of their keys.
    rows: Vec<Value>,
}

/// What was meant, once it was read.
enum Asked {
    Stream(Uuid),
    Model(Projection, Scope),
}

impl Subject {
    fn read(&self) -> Result<Asked, Problem> {
        match (self.stream, &self.model) {
            (Some(_), Some(_)) => {
                Err(Problem::invalid("/model", "ask about a stream or about a model, not both"))
            }
            (None, None) => {
                Err(Problem::invalid("/stream", "ask about a stream, or about a model"))
            }
            (Some(stream), None) => Ok(Asked::Stream(stream)),
            (None, Some(model)) => Ok(Asked::Model(projection(model)?, self.scope()?)),
        }
    }

    fn scope(&self) -> Result<Scope, Problem> {
        match (self.user_id, self.id) {
            (Some(_), Some(_)) => Err(Problem::invalid("/id", "either user_id or id, not both")),
            (Some(user), None) => Ok(Scope::User(user)),
            (None, Some(id)) => Ok(Scope::Stream(id)),
            (None, None) => Ok(Scope::Everything),
        }
    }
}

fn projection(name: &str) -> Result<Projection, Problem> {
    Projection::named(name).ok_or_else(|| {
        let names = Projection::ALL.map(Projection::name).join(", ");
        Problem::invalid("/model", format!("one of {names}"))
    })
}

impl Moment {
    async fn read(&self, app: &App) -> Result<Position, Problem> {
        match (self.position, &self.time) {
            (Some(_), Some(_)) => {
                Err(Problem::invalid("/time", "either a position or a time, not both"))
            }
            (Some(position), None) => past(app, position, "/position").await,
            (None, Some(time)) => at_time(app, time, "/time").await,
            (None, None) => Ok(app.commands.log().head().await?),
        }
    }
}

/// A position that the log holds, or 0 for the beginning.
async fn past(app: &App, position: Position, pointer: &str) -> Result<Position, Problem> {
    if app.queries.is_past(position).await? {
        return Ok(position);
    }
    let head = app.commands.log().head().await?;
    Err(Problem::invalid(pointer, format!("the log holds the positions 1 to {head}")))
}

async fn at_time(app: &App, time: &str, pointer: &str) -> Result<Position, Problem> {
    let time = moment::read(time, Edge::End, pointer)?;
    Ok(app.commands.log().position_at(time).await?)
}

/// A position in digits, or else a time.
async fn edge(app: &App, text: &str, pointer: &str) -> Result<Position, Problem> {
    match text.parse() {
        Ok(position) => past(app, position, pointer).await,
        Err(_) => at_time(app, text, pointer).await,
    }
}

/// What was true at a position or a time
///
/// Of a stream: its state, and the events that led there. Of a read model: its rows, made by the
/// same code as the present ones. At most 100000 events are replayed: ask about one person
/// (`user_id`) or one stream (`id`) where the log is longer. Before its first event a thing has no
/// version and no rows; 404 only where it never was.
#[utoipa::path(get, path = "/v1/admin/as-of", tag = "admin", params(Moment, Subject),
    responses((status = 200, body = AsOf), CallerProblems, Problems))]
async fn as_of(
    State(app): State<App>,
    Admin(caller): Admin,
    Query(moment): Query<Moment>,
    Query(subject): Query<Subject>,
) -> Result<Json<AsOf>, Problem> {
    let asked = subject.read()?;
    let at = moment.read(&app).await?;
    tracing::info!(admin = %caller.user, at, ?subject.stream, ?subject.model, ?subject.user_id,
        ?subject.id, "an administrator looks at the past");
    Ok(Json(match asked {
        Asked::Stream(stream) => {
            let found = app.queries.stream_as_of(stream, at).await.map_err(unanswered)?;
            AsOf::Stream(serde_json::to_value(found).map_err(anyhow::Error::from)?)
        }
        Asked::Model(projection, scope) => {
            let found = app.queries.model_as_of(projection, scope, at).await;
            let found = found.map_err(unanswered)?;
            let limit = moment.limit.unwrap_or(100).clamp(1, MAX_ROWS);
            let table = |table| some_of(table, moment.skip.unwrap_or(0), limit);
            AsOf::Model(ModelAnswer {
                model: found.model,
                position: found.position,
                events: found.events,
                tables: found.tables.into_iter().map(table).collect(),
            })
        }
    }))
}

/// What became of something between two moments
///
/// Field by field: of a stream `{stream, category, from_version, to_version, differences, events}`,
/// of a read model `{model, events, rows:[{table, key, change, fields}]}`, 1000 rows at most.
#[utoipa::path(get, path = "/v1/admin/as-of/diff", operation_id = "as_of_diff", tag = "admin",
    params(Span, Subject), responses((status = 200, body = Value), CallerProblems, Problems))]
async fn diff(
    State(app): State<App>,
    Admin(caller): Admin,
    Query(span): Query<Span>,
    Query(subject): Query<Subject>,
) -> Result<Json<Value>, Problem> {
    let asked = subject.read()?;
    let from = edge(&app, &span.from, "/from").await?;
    let to = edge(&app, &span.to, "/to").await?;
    if to < from {
        return Err(Problem::invalid("/to", "this must not come before from"));
    }
    tracing::info!(admin = %caller.user, from, to, ?subject.stream, ?subject.model,
        ?subject.user_id, ?subject.id, "an administrator compares the past");
    let mut answer = match asked {
        Asked::Stream(stream) => {
            let found = app.queries.stream_diff(stream, (from, to)).await.map_err(unanswered)?;
            serde_json::to_value(found)
        }
        Asked::Model(projection, scope) => {
            let found = app.queries.model_diff(projection, scope, (from, to)).await;
            let mut found = found.map_err(unanswered)?;
            let total = found.rows.len();
            found.rows.truncate(MAX_ROWS);
            serde_json::to_value(found).map(|mut answer| {
                answer["total"] = total.into();
                answer
            })
        }
    }
    .map_err(anyhow::Error::from)?;
    answer["from"] = from.into();
    answer["to"] = to.into();
    Ok(Json(answer))
}

fn some_of(table: TableAsOf, skip: usize, limit: usize) -> TableAnswer {
    let total = table.rows.len();
    TableAnswer {
        name: table.name,
        total,
        rows: table.rows.into_iter().skip(skip).take(limit).collect(),
    }
}

fn unanswered(error: anyhow::Error) -> Problem {
    match error.downcast_ref::<Unanswered>() {
        Some(Unanswered::Unknown) => Problem::missing("id in the log"),
        Some(told @ Unanswered::TooMuch) => Problem::invalid("/user_id", told.to_string()),
        Some(told @ Unanswered::Behind) => Problem::unavailable(told.to_string()),
        None => error.into(),
    }
}
