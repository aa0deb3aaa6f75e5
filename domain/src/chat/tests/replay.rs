//! What was stored leads to the same conversation again.

use proptest::prelude::*;

use super::{
    NODE, OTHER_NODE, OWNER, RUN, STRANGER, asks_for, call, counted, lease, outcome, request,
    request_run, said,
};
use crate::{
    chat::{Chat, Command, FinishReason, Message, RunRequest, Step},
    testing::{assert_replays, at, id, text},
};

fn any_owner() -> impl Strategy<Value = u128> {
    prop_oneof![9 => Just(OWNER), 1 => Just(STRANGER)]
}

fn any_run() -> impl Strategy<Value = u128> {
    RUN..RUN + 3
}

fn any_node() -> impl Strategy<Value = u128> {
    NODE..=OTHER_NODE
}

fn any_call() -> impl Strategy<Value = String> {
    prop_oneof![Just("a".to_owned()), Just("b".to_owned())]
}

fn any_message() -> impl Strategy<Value = Message> {
    prop_oneof!["\\PC{0,20}".prop_map(|words| said(&words)), Just(asks_for(&["a", "b"]))]
}

fn any_answer() -> impl Strategy<Value = Step> {
    (1..12_u8, any_message(), 0..1000_u64).prop_map(|(iteration, message, tokens)| {
        Step::ModelAnswered {
            iteration,
            message: message.into(),
            usage: counted(tokens, tokens),
            duration_ms: tokens,
        }
    })
}

fn any_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        (1..12_u8).prop_map(|iteration| Step::ModelCalled { iteration }),
        any_answer(),
        any_call().prop_map(|id| {
            let call = call(&id).into();
            Step::ToolStarted { id, name: "weather".to_owned(), call }
        }),
        (any_call(), any::<String>()).prop_map(|(id, result)| {
            Step::ToolFinished { id, result: result.into(), outcome: outcome() }
        }),
        Just(Step::Completed { reason: FinishReason::Stop }),
    ]
}

fn any_turn() -> impl Strategy<Value = Command> {
    let messages = prop::collection::vec(any_message(), 0..3);
    prop_oneof![
        any_owner().prop_map(|owner| Command::Open {
            owner: id(owner),
            title: Some(text("Weather")),
            at: at(0),
        }),
        (any_owner(), messages)
            .prop_map(|(owner, messages)| Command::AddMessages { owner: id(owner), messages }),
        (any_owner(), any_run(), 0..12_u8).prop_map(|(owner, run, max_iterations)| {
            request_run(owner, RunRequest { max_iterations, ..request(run) })
        }),
    ]
}

fn any_drive() -> impl Strategy<Value = Command> {
    let steps = prop::collection::vec(any_step(), 0..4);
    prop_oneof![
        (any_run(), any_node(), steps).prop_map(|(run, node, steps)| Command::Step {
            run: id(run),
            node: id(node),
            steps
        }),
        (any_run(), any_node(), 0..90_i64).prop_map(|(run, node, now)| Command::TakeOver {
            run: id(run),
            lease: lease(node, at(now + 30)),
            at: at(now),
        }),
    ]
}

fn any_end() -> impl Strategy<Value = Command> {
    prop_oneof![
        (any_owner(), any_run())
            .prop_map(|(owner, run)| Command::Cancel { owner: id(owner), run: id(run) }),
        any_owner().prop_map(|owner| Command::Delete { owner: id(owner) }),
    ]
}

fn any_command() -> impl Strategy<Value = Command> {
    prop_oneof![4 => any_turn(), 6 => any_drive(), 1 => any_end()]
}

proptest! {
    #[test]
    fn any_history_replays_to_the_same_conversation(
        commands in prop::collection::vec(any_command(), 0..30),
    ) {
        assert_replays::<Chat>(commands);
    }
}
