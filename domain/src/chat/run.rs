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
    /// Whether the caller wants the answer piece by piece.
    #[serde(default)]
    pub is_streamed: bool,
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

    /// Whose model this most likely is.
    #[must_use]
    pub fn of_model(model: &str) -> Self {
        let model = model.to_lowercase();
        if model.contains("claude") {
            Self::Anthropic
        } else if model.contains("llama") {
            Self::MetaLlama
        } else {
            Self::OpenAi
        }
    }

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
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
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
    /// Whether the caller wants the answer piece by piece.
    pub is_streamed: bool,
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
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
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
    /// A sentence of ours for the person who asked.
    pub detail: String,
    /// What the provider said of it, which may repeat what it was told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub explanation: Option<Personal<String>>,
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
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
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

impl Failure {
    /// All that can be said of it.
    #[must_use]
    pub fn told(&self) -> String {
        match self.explanation.as_ref().and_then(Personal::known) {
            Some(explanation) => format!("{}: {explanation}", self.detail),
            None => self.detail.clone(),
        }
    }
}

impl Run {
    pub(super) fn new(request: &RunRequest) -> Self {
        Self {
            id: request.run,
            provider: request.provider,
            model: request.model.clone(),
            options: request.options.clone(),
            max_iterations: request.max_iterations,
            is_streamed: request.is_streamed,
            lease: request.lease,
            iterations: 0,
            usage: Usage::default(),
            tools: vec![],
            answer: None,
            status: Status::Running,
            requested_at: request.at,
        }
    }

    /// What its driver does next; the same after a crash as before it.
    #[must_use]
    pub fn next(&self) -> Next {
        let Some(answer) = self.answer.as_ref() else { return Next::AskModel };
        let calls = answer.known().map_or(&[][..], |answer| &answer.tool_calls);
        if calls.is_empty() {
            return Next::Complete(FinishReason::Stop);
        }
        let ours: Vec<ToolCall> = calls
            .iter()
            .filter(|call| self.is_ours(call) && !self.is_finished(call))
            .cloned()
            .collect();
        if !ours.is_empty() {
            return Next::RunTools(ours);
        }
        if !calls.iter().all(|call| self.is_ours(call)) {
            return Next::Complete(FinishReason::ToolCalls);
        }
        if self.iterations >= self.max_iterations {
            return Next::GiveUp;
        }
        Next::AskModel
    }

    /// Whether Annals runs the tool that a call asks for.
    #[must_use]
    pub fn is_ours(&self, call: &ToolCall) -> bool {
        let options = self.options.known();
        options.is_some_and(|options| {
            options.tools.iter().any(|tool| tool.is_built_in && tool.name == call.name)
        })
    }

    /// The record of a call of the last answer, once it was begun.
    #[must_use]
    pub fn execution(&self, call: &ToolCall) -> Option<&ToolExecution> {
        self.tools.iter().find(|tool| tool.id == call.id && tool.iteration == self.iterations)
    }

    fn is_finished(&self, call: &ToolCall) -> bool {
        self.execution(call).is_some_and(|tool| tool.outcome.is_some())
    }
}

/// What the driver of a run does next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next {
    /// Ask the model with all that was said.
    AskModel,
    /// Run these tools; those that were begun before may have been carried out.
    RunTools(Vec<ToolCall>),
    /// Nothing more is to be done here.
    Complete(FinishReason),
    /// The model still wants tools, but it may not be asked again.
    GiveUp,
}
