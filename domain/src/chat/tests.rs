//! Given events, when a command comes, then.

mod conversation;
mod ownership;
mod replay;
mod run;
mod snapshot;
mod tool_loop;

use chrono::{DateTime, Utc};

use super::{
    Chat, Command, Event, FinishReason, Lease, Message, ModelOptions, Provider, Role, Run,
    RunRequest, Step, Tool, ToolCall, ToolOutcome, Usage,
};
use crate::testing::{at, id};

const OWNER: u128 = 1;
const STRANGER: u128 = 2;
const RUN: u128 = 10;
const NODE: u128 = 20;
const OTHER_NODE: u128 = 21;

fn said(text: &str) -> Message {
    Message::text(Role::User, text)
}

fn lease(node: u128, until: DateTime<Utc>) -> Lease {
    Lease { node: id(node), until }
}

fn weather() -> Tool {
    Tool {
        name: "weather".to_owned(),
        description: None,
        parameters: serde_json::json!({ "type": "object" }),
        is_built_in: true,
    }
}

fn request(run: u128) -> RunRequest {
    RunRequest {
        run: id(run),
        provider: Provider::Anthropic,
        model: "claude".to_owned(),
        messages: vec![said("what is the weather")].into(),
        options: ModelOptions { tools: vec![weather()], ..ModelOptions::default() }.into(),
        max_iterations: 3,
        is_streamed: false,
        lease: lease(NODE, at(30)),
        at: at(0),
    }
}

fn request_run(owner: u128, request: RunRequest) -> Command {
    Command::RequestRun { owner: id(owner), request: Box::new(request) }
}

fn step(node: u128, steps: Vec<Step>) -> Command {
    Command::Step { run: id(RUN), node: id(node), steps }
}

fn opened() -> Event {
    Event::Opened { owner: id(OWNER), title: None, at: at(0) }
}

fn requested(run: u128) -> Event {
    Event::RunRequested { request: Box::new(request(run)) }
}

fn completed(run: u128) -> Event {
    Event::RunCompleted {
        run: id(run),
        reason: FinishReason::Stop,
        iterations: 0,
        usage: Usage::default(),
    }
}

fn cancelled(run: u128) -> Event {
    Event::RunCancelled { run: id(run) }
}

fn taken_over(lease: Lease) -> Event {
    Event::RunTakenOver { run: id(RUN), lease }
}

fn call(id: &str) -> ToolCall {
    ToolCall { id: id.to_owned(), name: "weather".to_owned(), arguments: "{}".to_owned() }
}

fn asks_for(calls: &[&str]) -> Message {
    let tool_calls = calls.iter().copied().map(call).collect();
    Message { tool_calls, ..Message::text(Role::Assistant, "let me look") }
}

fn counted(input: u64, output: u64) -> Usage {
    Usage { input, output, cache_read: input / 2, cache_write: 1 }
}

fn answered(iteration: u8, message: Message, usage: Usage) -> Event {
    Event::ModelAnswered {
        run: id(RUN),
        iteration,
        message: message.into(),
        usage,
        duration_ms: 900,
    }
}

fn tool_started(call_id: &str) -> Event {
    Event::ToolStarted {
        run: id(RUN),
        id: call_id.to_owned(),
        name: "weather".to_owned(),
        call: call(call_id).into(),
    }
}

fn tool_finished(call_id: &str) -> Event {
    Event::ToolFinished {
        run: id(RUN),
        id: call_id.to_owned(),
        result: "rain".to_owned().into(),
        outcome: outcome(),
    }
}

fn outcome() -> ToolOutcome {
    ToolOutcome { is_success: true, duration_ms: 5 }
}

/// The run of a conversation that has one.
fn run_of(chat: &Chat) -> &Run {
    chat.conversation().and_then(|conversation| conversation.run(id(RUN))).unwrap()
}
