//! Taking the audit log away as a file, which is itself written down.

use axum::{
    body::Body,
    extract::State,
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
};
use domain::audit::{Export, Format};
use futures_util::stream;
use projections::AuditFilter;
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{csv, entry::Entry, filter::Filter};
use crate::{
    App,
    body::Json,
    caller::Admin,
    envelope::{CallerProblems, Problems},
    position::LOG_POSITION,
    problem::Problem,
};

/// Entries of a file at most.
const MAX_ROWS: u32 = 100_000;
/// Entries of a file where nothing is said.
const ROWS: u32 = 10_000;
/// Entries read at once.
const PART: u32 = 500;

/// The routes of this file.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(export))
}

/// Which entries to take away, and how.
#[derive(Deserialize, ToSchema)]
struct Order {
    /// `csv` or `jsonl`.
    #[serde(default = "csv")]
    #[schema(value_type = String, example = "csv")]
    format: Format,
    /// How many entries, 100000 at most, the last first.
    limit: Option<u32>,
    #[serde(flatten)]
    filter: Filter,
}

const fn csv() -> Format {
    Format::Csv
}

/// Take the audit log away
///
/// Answers a stream, the last entry first. That it was taken away is written down first.
#[utoipa::path(post, path = "/v1/admin/audit/export", operation_id = "audit_export", tag = "admin",
    request_body = Order,
    responses(
        (status = 200, content((String = "text/csv"), (String = "application/jsonl"))),
        CallerProblems, Problems))]
async fn export(
    State(app): State<App>,
    Admin(caller): Admin,
    Json(order): Json<Order>,
) -> Result<Response, Problem> {
    let limit = order.limit.unwrap_or(ROWS);
    if !(1..=MAX_ROWS).contains(&limit) {
        return Err(Problem::invalid("/limit", "1 to 100000"));
    }
    let filter = order.filter.read(&app).await?;
    let head = app.commands.log().head().await?;
    let upto = filter.upto.unwrap_or(head);
    let filter = AuditFilter { upto: Some(upto), ..filter };
    let export = Export {
        format: order.format,
        after: filter.after,
        upto,
        user: filter.user,
        action: filter.action.clone(),
        category: filter.category.map(|category| category.name().to_owned()),
        limit,
        at: app.now(),
    };
    let done = app.commands.record_export(&caller, export).await?;
    app.await_position(done.position).await;
    let rows = Rows { app, filter, format: order.format, left: limit, is_begun: false };
    let mut response = Body::from_stream(stream::try_unfold(rows, Rows::advance)).into_response();
    let (kind, name) = match order.format {
        Format::Csv => ("text/csv; charset=utf-8", format!("audit-{upto}.csv")),
        Format::Jsonl => ("application/jsonl", format!("audit-{upto}.jsonl")),
    };
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    let attached = HeaderValue::from_str(&format!("attachment; filename=\"{name}\""));
    headers.insert(
        header::CONTENT_DISPOSITION,
        attached.unwrap_or(HeaderValue::from_static("attachment")),
    );
    headers.insert(LOG_POSITION, done.position.into());
    Ok(response)
}

/// What is still to be written of a file.
struct Rows {
    app: App,
    filter: AuditFilter,
    format: Format,
    left: u32,
    is_begun: bool,
}

impl Rows {
    /// The next part of the file; none at its end. A file that breaks off was not finished.
    async fn advance(self) -> anyhow::Result<Option<(String, Self)>> {
        let part = self.next().await;
        if let Err(error) = &part {
            tracing::error!(error = format!("{error:#}"), "an export of the audit log broke off");
        }
        part
    }

    async fn next(mut self) -> anyhow::Result<Option<(String, Self)>> {
        let mut text = String::new();
        if !self.is_begun && self.format == Format::Csv {
            text = csv::line(Entry::COLUMNS);
        }
        let limit = self.left.min(PART);
        let positions = self.app.queries.audit_positions(&self.filter, 0, limit).await?;
        if self.is_begun && positions.is_empty() {
            return Ok(None);
        }
        self.is_begun = true;
        self.left -= u32::try_from(positions.len()).unwrap_or(limit).min(self.left);
        // The next part ends before the last entry of this one.
        self.filter.upto = positions.last().map_or(Some(0), |last| Some(last - 1));
        for entry in self.app.queries.audit_entries(&positions).await? {
            let entry = Entry::from(entry);
            match self.format {
                Format::Csv => text += &csv::line(entry.cells().iter().map(String::as_str)),
                Format::Jsonl => {
                    text += &serde_json::to_string(&entry)?;
                    text.push('\n');
                }
            }
        }
        Ok(Some((text, self)))
    }
}
