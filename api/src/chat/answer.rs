//! The answer to a completion, in the `OpenAI` dialect.

use domain::{
    Personal,
    chat::{Run, Status, ToolCall, ToolExecution, Usage},
};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

/// A completion.
#[derive(Serialize, ToSchema)]
pub(super) struct ChatCompletion {
    id: String,
    /// `chat.completion`.
    object: &'static str,
    created: i64,
    model: String,
    choices: Vec<Choice>,
    usage: TokenUsage,
    provider: &'static str,
    /// How often the model was asked.
    iterations: u8,
    /// Tokens of all iterations.
    total_tokens_used: u64,
    run_id: Uuid,
    session_id: Uuid,
    /// The tools that Annals ran.
    tool_executions: Vec<Execution>,
}

/// What the model said.
#[derive(Serialize, ToSchema)]
struct Choice {
    index: u8,
    message: Answer,
    logprobs: Option<()>,
    /// `stop`, `length`, `tool_calls` or `content_filter`.
    finish_reason: &'static str,
}

/// A turn of the model's.
#[derive(Serialize, ToSchema)]
struct Answer {
    /// `assistant`.
    role: &'static str,
    content: Option<String>,
    refusal: Option<String>,
    /// The tools that the client has to run.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tool_calls: Vec<Call>,
}

/// A tool that the client has to run.
#[derive(Clone, Serialize, ToSchema)]
pub(super) struct Call {
    id: String,
    /// `function`.
    r#type: &'static str,
    function: Function,
}

/// Which tool, and with what.
#[derive(Clone, Serialize, ToSchema)]
struct Function {
    name: String,
    /// JSON text.
    arguments: String,
}

/// Tokens of all iterations.
#[derive(Clone, Copy, Serialize, ToSchema)]
pub(super) struct TokenUsage {
    prompt_tokens: u64,
    completion_tokens: u64,
    total_tokens: u64,
    prompt_tokens_details: PromptDetails,
}

/// Tokens that were not read anew.
#[derive(Clone, Copy, Serialize, ToSchema)]
struct PromptDetails {
    cached_tokens: u64,
    cache_write_tokens: u64,
}

/// A tool that Annals ran.
#[derive(Serialize, ToSchema)]
pub(super) struct Execution {
    id: String,
    name: String,
    /// JSON text.
    arguments: Option<String>,
    /// `running`, `completed` or `failed`.
    status: &'static str,
    duration_ms: Option<u64>,
    /// The model call that asked for it, from 1.
    iteration: u8,
}

impl ChatCompletion {
    /// The answer of a run that ended as it should.
    pub(super) fn of(run: &Run, session: Uuid) -> Self {
        let tool_calls = client_calls(run);
        let text = text(run);
        let is_silent = text.is_empty() && !tool_calls.is_empty();
        Self {
            id: completion_id(run.id),
            object: "chat.completion",
            created: run.requested_at.timestamp(),
            model: run.model.clone(),
            choices: vec![Choice {
                index: 0,
                message: Answer {
                    role: "assistant",
                    content: (!is_silent).then_some(text),
                    refusal: None,
                    tool_calls,
                },
                logprobs: None,
                finish_reason: finish_reason(run),
            }],
            usage: run.usage.into(),
            provider: run.provider.name(),
            iterations: run.iterations,
            total_tokens_used: run.usage.total(),
            run_id: run.id,
            session_id: session,
            tool_executions: executions(run),
        }
    }
}

/// The name of a completion.
pub(super) fn completion_id(run: Uuid) -> String {
    format!("chatcmpl-{}", run.simple())
}

/// The model's last words.
pub(super) fn text(run: &Run) -> String {
    let answer = run.answer.as_ref().and_then(Personal::known);
    answer.map(domain::chat::Message::plain_text).unwrap_or_default()
}

/// Why the model stopped.
pub(super) fn finish_reason(run: &Run) -> &'static str {
    match &run.status {
        Status::Completed(reason) => reason.name(),
        Status::Running | Status::Failed(_) | Status::Cancelled => "stop",
    }
}

/// The calls that are left to the client.
pub(super) fn client_calls(run: &Run) -> Vec<Call> {
    let answer = run.answer.as_ref().and_then(Personal::known);
    let calls = answer.map_or(&[][..], |answer| &answer.tool_calls);
    calls.iter().filter(|call| !run.is_ours(call)).map(Call::from).collect()
}

/// The tools that Annals ran.
pub(super) fn executions(run: &Run) -> Vec<Execution> {
    run.tools.iter().map(Execution::from).collect()
}

impl From<&ToolCall> for Call {
    fn from(call: &ToolCall) -> Self {
        let function = Function { name: call.name.clone(), arguments: call.arguments.clone() };
        Self { id: call.id.clone(), r#type: "function", function }
    }
}

impl From<&ToolExecution> for Execution {
    fn from(tool: &ToolExecution) -> Self {
        Self {
            id: tool.id.clone(),
            name: tool.name.clone(),
            arguments: tool.call.known().map(|call| call.arguments.clone()),
            status: match tool.outcome {
                None => "running",
                Some(outcome) if outcome.is_success => "completed",
                Some(_) => "failed",
            },
            duration_ms: tool.outcome.map(|outcome| outcome.duration_ms),
            iteration: tool.iteration,
        }
    }
}

impl From<Usage> for TokenUsage {
    fn from(usage: Usage) -> Self {
        Self {
            prompt_tokens: usage.input,
            completion_tokens: usage.output,
            total_tokens: usage.total(),
            prompt_tokens_details: PromptDetails {
                cached_tokens: usage.cache_read,
                cache_write_tokens: usage.cache_write,
            },
        }
    }
}
