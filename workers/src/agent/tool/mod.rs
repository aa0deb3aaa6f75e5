//! The built-in tools: what a model may have Annals do.

mod zerodb;

pub(super) use zerodb::seal_what_was_clear;

use domain::{
    chat::ToolCall,
    tool::{Effect, built_in},
};
use eventlog::EventLog;
use serde::de::DeserializeOwned;
use serde_json::json;
use uuid::Uuid;

/// The longest result a model is told.
const MAX_RESULT: usize = 256 * 1024;

/// Under what circumstances a tool runs.
pub(super) struct Context<'a> {
    /// The log, with the keys of people.
    pub log: &'a EventLog,
    /// On whose behalf.
    pub owner: Uuid,
    /// In which run.
    pub run: Uuid,
    /// Asked for by which model call of it, from 1.
    pub iteration: u8,
    /// Whether an earlier driver began this very call and fell silent.
    pub was_begun: bool,
}

/// Why a tool failed, in words for the model.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    /// The model asked for something that cannot be.
    #[error("Validation error - Invalid tool parameters: {0}")]
    Parameters(String),
    /// It cannot be done as things are.
    #[error("Tool execution failed: {0}")]
    Refused(String),
    /// Our own fault, which is none of the model's business.
    #[error("Tool execution failed: internal error")]
    Internal(#[source] anyhow::Error),
}

impl Failure {
    /// It did not end in time.
    pub(super) fn too_slow(limit: std::time::Duration) -> Self {
        Self::Refused(format!("it took longer than {} s", limit.as_secs()))
    }

    /// What the model is told.
    pub(super) fn to_feedback(&self, tool: &str) -> String {
        if let Self::Internal(error) = self {
            tracing::error!(tool, error = format!("{error:#}"), "a tool failed");
        }
        json!({ "error": self.to_string(), "tool_name": tool, "status": "failed" }).to_string()
    }
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        Self::Internal(error)
    }
}

impl From<sqlx::Error> for Failure {
    fn from(error: sqlx::Error) -> Self {
        Self::Internal(error.into())
    }
}

/// Carries a call out and returns what the model is told.
pub(super) async fn run(context: &Context<'_>, call: &ToolCall) -> Result<String, Failure> {
    let Some(tool) = built_in(&call.name) else {
        return Err(Failure::Refused(format!("there is no tool {}", call.name)));
    };
    if context.was_begun && tool.effect == Effect::AtMostOnce {
        let detail = "interrupted; it is unknown whether it was carried out";
        return Err(Failure::Refused(detail.to_owned()));
    }
    let result = match tool.name {
        "zerodb_create_table" => zerodb::create_table(context, arguments(call)?).await,
        "zerodb_insert_rows" => zerodb::insert_rows(context, &call.id, arguments(call)?).await,
        "zerodb_query_table" => zerodb::query_table(context, arguments(call)?).await,
        "zerodb_list_tables" => zerodb::list_tables(context).await,
        other => Err(Failure::Refused(format!("{other} is not available here"))),
    }?;
    let text = result.to_string();
    if text.len() > MAX_RESULT {
        let detail = format!("the result is longer than {MAX_RESULT} bytes; ask for less");
        return Err(Failure::Refused(detail));
    }
    Ok(text)
}

/// Models leave arguments out altogether where a tool takes none.
fn arguments<T: DeserializeOwned>(call: &ToolCall) -> Result<T, Failure> {
    // Postgres keeps no NUL in texts.
    if call.arguments.contains("\\u0000") {
        return Err(Failure::Parameters("\\u0000 cannot be stored".to_owned()));
    }
    let text = if call.arguments.trim().is_empty() { "{}" } else { &call.arguments };
    serde_json::from_str(text).map_err(|error| Failure::Parameters(error.to_string()))
}
