//! One run of a conversation: from a request through model answers and tool calls to its end.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{FinishReason, Message, ModelOptions, ToolCall, Usage};
use crate::Personal;

/// What a caller asks of a model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunRequest {
    /// The run's id.
    pub run: Uuid,
    /// Who talks to the model.
    pub provider: Provider,
    /// The model, in the provider's words.
    pub model: String,
    /// The new turns, after those the session already holds.
    pub messages: Personal<Vec<Message>>,
    /// What the run asks of the model at every step.
    pub options: Personal<ModelOptions>,
    /// The most model calls, 1 to 10.
    pub max_iterations: u8,
    /// Who drives it first.
    pub lease: Lease,
    /// When it was asked for.
    pub at: DateTime<Utc>,
}

/// The wire dialect and configuration under which a model is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Provider {
    /// Anthropic Messages.
    Anthropic,
    /// Meta Llama API, native form.
    MetaLlama,
    /// Any server of the `OpenAI` chat-completions form.
    #[serde(rename = "openai")]
    OpenAi,
}

impl Provider {
    /// Every provider there is.
    pub const ALL: [Self; 3] = [Self::Anthropic, Self::MetaLlama, Self::OpenAi];

    /// The word that requests and answers carry.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Anthropic => "anthropic",
            Self::MetaLlama => "meta_llama",
            Self::OpenAi => "openai",
        }
    }
}

/// The right to drive a run until a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lease {
    /// The process that holds it.
    pub node: Uuid,
    /// When another may take over.
    pub until: DateTime<Utc>,
}

/// One run, as far as it has come.
#[derive(Clone, Debug, PartialEq)]
pub struct Run {
    /// Its id.
    pub id: Uuid,
    /// Who talks to the model.
    pub provider: Provider,
    /// The model.
    pub model: String,
    /// What it asks of the model at every step.
    pub options: Personal<ModelOptions>,
    /// The most model calls.
    pub max_iterations: u8,
    /// Who drives it.
    pub lease: Lease,
    /// Model calls answered so far.
    pub iterations: u8,
    /// Tokens of all model calls.
    pub usage: Usage,
    /// Tools that Annals ran or runs.
    pub tools: Vec<ToolExecution>,
    /// The model's last answer, tool calls included.
    pub answer: Option<Personal<Message>>,
    /// Whether it goes on.
    pub status: Status,
    /// When it was asked for.
    pub requested_at: DateTime<Utc>,
}

/// Whether a run goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Status {
    /// It does.
    Running,
    /// It ended as it should.
    Completed(FinishReason),
    /// It could not go on.
    Failed(Failure),
    /// Somebody stopped it.
    Cancelled,
}

/// Why a run could not go on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// What went wrong.
    pub kind: FailureKind,
    /// A sentence for the person who asked.
    pub detail: String,
    /// Seconds after which another try may do better.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after: Option<u32>,
}

/// What went wrong with a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailureKind {
    /// The provider refused the request itself.
    Refused,
    /// The provider is down, overloaded or did not make sense.
    Unavailable,
    /// The model kept asking for tools.
    TooManyIterations,
    /// Our own fault.
    Internal,
}

/// A tool run by Annals.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToolExecution {
    /// What the model asked for.
    pub call: Personal<ToolCall>,
    /// The model's name for the call.
    pub id: String,
    /// Which tool.
    pub name: String,
    /// The model call that asked for it, from 1.
    pub iteration: u8,
    /// How far it has come.
    pub outcome: Option<ToolOutcome>,
}

/// How a tool ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToolOutcome {
    /// Whether it did what was asked.
    pub is_success: bool,
    /// How long it took.
    pub duration_ms: u64,
}

impl Run {
    pub(super) fn new(request: &RunRequest) -> Self {
        Self {
            id: request.run,
            provider: request.provider,
            model: request.model.clone(),
            options: request.options.clone(),
            max_iterations: request.max_iterations,
            lease: request.lease,
            iterations: 0,
            usage: Usage::default(),
            tools: vec![],
            answer: None,
            status: Status::Running,
            requested_at: request.at,
        }
    }

    /// Tools of the last answer that were not begun, in the order the model asked.
    pub fn unbegun_calls(&self) -> impl Iterator<Item = &ToolCall> {
        let calls = self.answer.as_ref().and_then(Personal::known).map(|answer| &answer.tool_calls);
        calls.into_iter().flatten().filter(|call| {
            !self.tools.iter().any(|tool| tool.id == call.id && tool.iteration == self.iterations)
        })
    }
}
