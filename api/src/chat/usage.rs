//! What a person used of models.

use axum::extract::State;
use chrono::{Datelike, NaiveDate};
use commands::Caller;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    App,
    body::{Json, Query},
    envelope::{CallerProblems, Problems},
    problem::Problem,
};

/// The routes of this file.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(usage))
}

/// Of which time.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Span {
    /// `day`, `week`, `month` (default) or `year`: since it began, in UTC.
    period: Option<String>,
}

/// What a person used.
#[derive(Serialize, ToSchema)]
struct Usage {
    period: String,
    /// Credits are not counted yet.
    credits_used: i64,
    /// Credits are not counted yet.
    credits_remaining: Option<i64>,
    requests_count: i64,
    total_tokens: i64,
    models_used: Vec<String>,
}

/// What you used
#[utoipa::path(get, path = "/v1/managed/usage", tag = "chat", params(Span),
    responses((status = 200, body = Usage), CallerProblems, Problems))]
async fn usage(
    State(app): State<App>,
    caller: Caller,
    Query(span): Query<Span>,
) -> Result<Json<Usage>, Problem> {
    caller.scope("chat")?;
    let period = span.period.unwrap_or_else(|| "month".to_owned());
    let used = app.queries.usage(caller.user, since(&period, app.now().date_naive())?).await?;
    Ok(Json(Usage {
        period,
        credits_used: 0,
        credits_remaining: None,
        requests_count: used.totals.runs,
        total_tokens: used.totals.input_tokens + used.totals.output_tokens,
        models_used: used.models.into_iter().map(|model| model.model).collect(),
    }))
}

fn since(period: &str, today: NaiveDate) -> Result<NaiveDate, Problem> {
    let began = match period {
        "day" | "daily" | "today" => Some(today),
        "week" | "weekly" => Some(today.week(chrono::Weekday::Mon).first_day()),
        "month" | "monthly" | "current" => today.with_day(1),
        "year" | "yearly" => today.with_ordinal(1),
        _ => None,
    };
    began.ok_or_else(|| Problem::invalid("/period", "must be day, week, month or year"))
}
