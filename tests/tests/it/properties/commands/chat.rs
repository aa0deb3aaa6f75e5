//! Any command to a conversation.

use domain::chat::{
    self, Chat, Failure, FailureKind, FinishReason, Lease, Message, ModelOptions, Provider,
    RunRequest, Step, Tool, ToolCall, ToolOutcome, Usage,
};
use proptest::{option, prelude::*, sample::select};
use serde_json::json;

use super::{Askable, any_id, any_moment, any_text};

fn any_call() -> impl Strategy<Value = ToolCall> {
    select(vec!["a", "b"]).prop_map(|id| ToolCall {
        id: id.to_owned(),
        name: if id == "a" { "zerodb_list_tables" } else { "ring" }.to_owned(),
        arguments: "{}".to_owned(),
    })
}

fn any_message() -> impl Strategy<Value = Message> {
    let role = select(vec![chat::Role::User, chat::Role::Assistant, chat::Role::Tool]);
    let calls = prop::collection::vec(any_call(), 0..3);
    (role, any::<String>(), calls)
        .prop_map(|(role, text, tool_calls)| Message { tool_calls, ..Message::text(role, text) })
}

/// Counts of tokens; a provider may say anything.
fn any_usage() -> impl Strategy<Value = Usage> {
    let tokens = || prop_oneof![4 => 0..1000_u64, 1 => Just(u64::MAX)];
    (tokens(), tokens(), tokens()).prop_map(|(input, output, cache_read)| Usage {
        input,
        output,
        cache_read,
        cache_write: cache_read,
    })
}

fn any_options() -> impl Strategy<Value = ModelOptions> {
    // As people give them: more digits than a few may lose the last one on their way to the disk.
    let temperature = option::of((0..=20_u8).prop_map(|tenths| f64::from(tenths) / 10.0));
    (any::<bool>(), temperature).prop_map(|(is_built_in, temperature)| ModelOptions {
        tools: vec![Tool {
            name: "zerodb_list_tables".to_owned(),
            description: None,
            parameters: json!({ "type": "object" }),
            is_built_in,
        }],
        temperature,
        ..ModelOptions::default()
    })
}

fn any_lease() -> impl Strategy<Value = Lease> {
    (any_id(), any_moment()).prop_map(|(node, until)| Lease { node, until })
}

fn any_request() -> impl Strategy<Value = Box<RunRequest>> {
    let messages = prop::collection::vec(any_message(), 0..3);
    let provider = select(Provider::ALL.to_vec());
    let circumstances = (any_lease(), any_moment(), any::<bool>());
    (any_id(), provider, messages, any_options(), 0..12_u8, circumstances).prop_map(
        |(run, provider, messages, options, max_iterations, (lease, at, is_streamed))| {
            Box::new(RunRequest {
                run,
                provider,
                model: "m".to_owned(),
                messages: messages.into(),
                options: options.into(),
                max_iterations,
                is_streamed,
                lease,
                at,
            })
        },
    )
}

fn any_step() -> impl Strategy<Value = Step> {
    let answer = (1..12_u8, any_message(), any_usage(), any::<u64>());
    let answer = answer.prop_map(|(iteration, message, usage, duration_ms)| Step::ModelAnswered {
        iteration,
        message: message.into(),
        usage,
        duration_ms,
    });
    let outcome = || {
        (any::<bool>(), any::<u64>())
            .prop_map(|(is_success, duration_ms)| ToolOutcome { is_success, duration_ms })
    };
    let reasons = vec![FinishReason::Stop, FinishReason::Length, FinishReason::ToolCalls];
    let kinds = vec![FailureKind::Refused, FailureKind::Unavailable, FailureKind::Internal];
    prop_oneof![
        2 => (1..12_u8).prop_map(|iteration| Step::ModelCalled { iteration }),
        3 => answer,
        2 => any_call().prop_map(|call| {
            let (id, name) = (call.id.clone(), call.name.clone());
            Step::ToolStarted { id, name, call: call.into() }
        }),
        2 => (any_call(), any::<String>(), outcome()).prop_map(|(call, result, outcome)| {
            Step::ToolFinished { id: call.id, result: result.into(), outcome }
        }),
        1 => select(reasons).prop_map(|reason| Step::Completed { reason }),
        1 => (select(kinds), any::<String>(), any::<Option<u32>>()).prop_map(
            |(kind, said, retry_after)| {
                let (detail, explanation) = ("it failed".to_owned(), Some(said.into()));
                Step::Failed { failure: Failure { kind, detail, explanation, retry_after } }
            }
        ),
    ]
}

impl Askable for Chat {
    fn any_command() -> BoxedStrategy<chat::Command> {
        let messages = prop::collection::vec(any_message(), 0..3);
        let steps = prop::collection::vec(any_step(), 0..4);
        prop_oneof![
            2 => (any_id(), option::of(any_text()), any_moment())
                .prop_map(|(owner, title, at)| chat::Command::Open { owner, title, at }),
            1 => (any_id(), messages)
                .prop_map(|(owner, messages)| chat::Command::AddMessages { owner, messages }),
            6 => (any_id(), any_request())
                .prop_map(|(owner, request)| chat::Command::RequestRun { owner, request }),
            12 => (any_id(), any_id(), steps)
                .prop_map(|(run, node, steps)| chat::Command::Step { run, node, steps }),
            3 => (any_id(), any_lease(), any_moment())
                .prop_map(|(run, lease, at)| chat::Command::TakeOver { run, lease, at }),
            1 => (any_id(), any_id())
                .prop_map(|(owner, run)| chat::Command::Cancel { owner, run }),
            1 => any_id().prop_map(|owner| chat::Command::Delete { owner }),
        ]
        .boxed()
    }
}
