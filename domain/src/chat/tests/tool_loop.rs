//! A run of two model calls with tools in between.

use super::{
    NODE, RUN, answered, asks_for, call, counted, opened, outcome, requested, run_of, said, step,
    tool_finished, tool_started,
};
use crate::{
    Aggregate, Personal,
    chat::{
        Chat, Event, Failure, FailureKind, FinishReason, Message, Next, Role, Step, ToolExecution,
        Usage,
    },
    testing::{given, id},
};

fn answer() -> Message {
    Message::text(Role::Assistant, "it rains")
}

/// Both tools the first answer asked for ran, and the second answer needed no more.
fn tool_loop() -> [Event; 8] {
    [
        opened(),
        requested(RUN),
        answered(1, asks_for(&["a", "b"]), counted(10, 4)),
        tool_started("a"),
        tool_finished("a"),
        tool_started("b"),
        tool_finished("b"),
        answered(2, answer(), counted(20, 6)),
    ]
}

fn next(events: &[Event]) -> Next {
    run_of(&given::<Chat>(events)).next()
}

fn run_tools(ids: &[&str]) -> Next {
    Next::RunTools(ids.iter().map(|id| call(id)).collect())
}

#[test]
fn every_step_becomes_an_event_of_the_run() {
    let chat = given::<Chat>(&[opened(), requested(RUN)]);

    let outcome = chat.decide(step(
        NODE,
        vec![
            Step::ModelAnswered {
                iteration: 1,
                message: asks_for(&["a"]).into(),
                usage: counted(10, 4),
                duration_ms: 900,
            },
            Step::ToolStarted { id: "a".into(), name: "weather".into(), call: call("a").into() },
            Step::ToolFinished {
                id: "a".into(),
                result: "rain".to_owned().into(),
                outcome: outcome(),
            },
        ],
    ));

    let asked = answered(1, asks_for(&["a"]), counted(10, 4));
    assert_eq!(outcome, Ok(vec![asked, tool_started("a"), tool_finished("a")]));
}

#[test]
fn a_run_sums_up_what_its_model_calls_counted() {
    let chat = given::<Chat>(&tool_loop());

    let usage = run_of(&chat).usage;

    assert_eq!(usage, Usage { input: 30, output: 10, cache_read: 15, cache_write: 2 });
}

#[test]
fn a_run_counts_its_model_calls() {
    let chat = given::<Chat>(&tool_loop());

    assert_eq!(run_of(&chat).iterations, 2);
}

#[test]
fn a_run_remembers_its_last_answer() {
    let chat = given::<Chat>(&tool_loop());

    assert_eq!(run_of(&chat).answer, Some(answer().into()));
}

#[test]
fn a_run_remembers_each_tool_and_the_model_call_that_asked_for_it() {
    let chat = given::<Chat>(&tool_loop());

    let executed = ["a", "b"].map(|id| ToolExecution {
        call: call(id).into(),
        id: id.to_owned(),
        name: "weather".to_owned(),
        iteration: 1,
        outcome: Some(outcome()),
    });
    assert_eq!(run_of(&chat).tools, executed);
}

#[test]
fn the_conversation_holds_every_turn_of_the_loop() {
    let chat = given::<Chat>(&tool_loop());

    let turns = chat.conversation().map(|conversation| conversation.messages.clone());

    let expected = [
        said("what is the weather"),
        asks_for(&["a", "b"]),
        Message::tool_result("a", "rain"),
        Message::tool_result("b", "rain"),
        answer(),
    ];
    assert_eq!(turns, Some(expected.map(Personal::from).to_vec()));
}

#[test]
fn a_completed_run_reports_the_sums_of_all_its_model_calls() {
    let chat = given::<Chat>(&tool_loop()[..7]);

    let outcome = chat.decide(step(
        NODE,
        vec![
            Step::ModelAnswered {
                iteration: 2,
                message: answer().into(),
                usage: counted(20, 6),
                duration_ms: 900,
            },
            Step::Completed { reason: FinishReason::Stop },
        ],
    ));

    let completed = Event::RunCompleted {
        run: id(RUN),
        reason: FinishReason::Stop,
        iterations: 2,
        usage: Usage { input: 30, output: 10, cache_read: 15, cache_write: 2 },
    };
    assert_eq!(outcome, Ok(vec![answered(2, answer(), counted(20, 6)), completed]));
}

#[test]
fn a_failed_run_reports_what_it_used_so_far() {
    let chat = given::<Chat>(&tool_loop());

    let failure = Failure {
        kind: FailureKind::TooManyIterations,
        detail: "the model kept asking for tools".to_owned(),
        explanation: None,
        retry_after: None,
    };
    let outcome = chat.decide(step(NODE, vec![Step::Failed { failure: failure.clone() }]));

    let usage = Usage { input: 30, output: 10, cache_read: 15, cache_write: 2 };
    assert_eq!(outcome, Ok(vec![Event::RunFailed { run: id(RUN), failure, usage }]));
}

#[test]
fn a_new_run_asks_the_model() {
    assert_eq!(next(&tool_loop()[..2]), Next::AskModel);
}

#[test]
fn tools_that_the_model_asks_for_are_run_side_by_side() {
    assert_eq!(next(&tool_loop()[..3]), run_tools(&["a", "b"]));
}

#[test]
fn a_tool_that_was_begun_and_never_ended_is_not_forgotten() {
    assert_eq!(next(&tool_loop()[..4]), run_tools(&["a", "b"]));
}

#[test]
fn a_tool_that_ended_is_not_run_again() {
    assert_eq!(next(&tool_loop()[..5]), run_tools(&["b"]));
}

#[test]
fn after_the_last_tool_the_model_is_asked_again() {
    assert_eq!(next(&tool_loop()[..7]), Next::AskModel);
}

#[test]
fn a_call_id_that_comes_again_in_a_later_answer_is_run() {
    let mut events = tool_loop();
    events[7] = answered(2, asks_for(&["a"]), counted(20, 6));

    assert_eq!(next(&events), run_tools(&["a"]));
}

#[test]
fn an_answer_without_tools_is_the_end() {
    assert_eq!(next(&tool_loop()), Next::Complete(FinishReason::Stop));
}

#[test]
fn a_tool_that_is_not_built_in_goes_back_to_the_caller() {
    let mut asks = asks_for(&["a"]);
    asks.tool_calls[0].name = "ring_the_bell".to_owned();
    let events = [opened(), requested(RUN), answered(1, asks, counted(10, 4))];

    assert_eq!(next(&events), Next::Complete(FinishReason::ToolCalls));
}

#[test]
fn our_tools_run_before_the_rest_goes_back_to_the_caller() {
    let mut asks = asks_for(&["a", "b"]);
    asks.tool_calls[1].name = "ring_the_bell".to_owned();
    let asked = [opened(), requested(RUN), answered(1, asks, counted(10, 4))];
    let ran = [&asked[..], &[tool_started("a"), tool_finished("a")]].concat();

    assert_eq!(next(&asked), run_tools(&["a"]));
    assert_eq!(next(&ran), Next::Complete(FinishReason::ToolCalls));
}

#[test]
fn a_model_that_still_wants_tools_after_its_last_answer_is_given_up() {
    let mut events = tool_loop()[..7].to_vec();
    events[2] = answered(3, asks_for(&["a", "b"]), counted(10, 4));

    assert_eq!(next(&events), Next::GiveUp);
}

#[test]
fn an_erased_answer_asks_for_nothing() {
    let mut events = tool_loop();
    events[7] = Event::ModelAnswered {
        run: id(RUN),
        iteration: 2,
        message: Personal::Erased,
        usage: counted(20, 6),
        duration_ms: 900,
    };

    assert_eq!(next(&events), Next::Complete(FinishReason::Stop));
}

#[test]
fn an_erased_tool_result_keeps_its_place_among_the_turns() {
    let erased = Event::ToolFinished {
        run: id(RUN),
        id: "a".to_owned(),
        result: Personal::Erased,
        outcome: outcome(),
    };

    let chat = given::<Chat>(&[opened(), requested(RUN), tool_started("a"), erased]);

    let last = chat.conversation().and_then(|conversation| conversation.messages.last());
    assert_eq!(last, Some(&Personal::Erased));
}
