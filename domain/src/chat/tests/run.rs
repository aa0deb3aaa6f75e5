//! Who may begin, drive and stop a run.

use super::{
    Command, NODE, OTHER_NODE, OWNER, RUN, Step, cancelled, completed, lease, opened, request,
    request_run, requested, run_of, step, taken_over,
};
use crate::{
    Aggregate,
    chat::{
        Chat, Error, Event, Failure, FailureKind, FinishReason, Lease, RunRequest, Status, Usage,
    },
    testing::{at, given, id},
};

fn call_model() -> Vec<Step> {
    vec![Step::ModelCalled { iteration: 1 }]
}

fn take_over(lease: Lease, seconds: i64) -> Command {
    Command::TakeOver { run: id(RUN), lease, at: at(seconds) }
}

fn cancel(run: u128) -> Command {
    Command::Cancel { owner: id(OWNER), run: id(run) }
}

#[test]
fn a_run_in_no_conversation_begins_one() {
    let nothing = given::<Chat>(&[]);

    let outcome = nothing.decide(request_run(OWNER, request(RUN)));

    assert_eq!(outcome, Ok(vec![opened(), requested(RUN)]));
}

#[test]
fn a_run_can_be_requested_in_a_conversation() {
    let chat = given::<Chat>(&[opened()]);

    let outcome = chat.decide(request_run(OWNER, request(RUN)));

    assert_eq!(outcome, Ok(vec![requested(RUN)]));
}

#[test]
fn one_run_goes_on_at_a_time() {
    let chat = given::<Chat>(&[opened(), requested(RUN)]);

    let outcome = chat.decide(request_run(OWNER, request(RUN + 1)));

    assert_eq!(outcome, Err(Error::Busy));
}

#[test]
fn another_run_can_follow_one_that_ended() {
    let chat = given::<Chat>(&[opened(), requested(RUN), completed(RUN)]);

    let outcome = chat.decide(request_run(OWNER, request(RUN + 1)));

    assert_eq!(outcome, Ok(vec![requested(RUN + 1)]));
}

#[test]
fn a_run_asks_a_model_1_to_10_times() {
    let nothing = given::<Chat>(&[]);

    let accepted: Vec<u8> = (0..=u8::MAX)
        .filter(|&max_iterations| {
            let request = RunRequest { max_iterations, ..request(RUN) };
            nothing.decide(request_run(OWNER, request)) != Err(Error::Iterations)
        })
        .collect();

    assert_eq!(accepted, (1..=10).collect::<Vec<_>>());
}

#[test]
fn a_run_in_a_conversation_asks_a_model_at_most_10_times() {
    let chat = given::<Chat>(&[opened()]);

    let request = RunRequest { max_iterations: 11, ..request(RUN) };
    let outcome = chat.decide(request_run(OWNER, request));

    assert_eq!(outcome, Err(Error::Iterations));
}

#[test]
fn a_run_without_messages_is_refused() {
    let nothing = given::<Chat>(&[]);

    let request = RunRequest { messages: vec![].into(), ..request(RUN) };
    let outcome = nothing.decide(request_run(OWNER, request));

    assert_eq!(outcome, Err(Error::NoMessages));
}

#[test]
fn the_node_with_the_lease_drives_the_run() {
    let chat = given::<Chat>(&[opened(), requested(RUN)]);

    let outcome = chat.decide(step(NODE, call_model()));

    assert_eq!(outcome, Ok(vec![Event::ModelCalled { run: id(RUN), iteration: 1 }]));
}

#[test]
fn a_node_without_the_lease_does_not_drive_the_run() {
    let chat = given::<Chat>(&[opened(), requested(RUN)]);

    let outcome = chat.decide(step(OTHER_NODE, call_model()));

    assert_eq!(outcome, Err(Error::NotDriving));
}

#[test]
fn a_node_does_not_drive_a_run_any_more_that_was_taken_over() {
    let chat = given::<Chat>(&[opened(), requested(RUN), taken_over(lease(OTHER_NODE, at(60)))]);

    let outcome = chat.decide(step(NODE, call_model()));

    assert_eq!(outcome, Err(Error::NotDriving));
}

#[test]
fn a_run_that_ended_is_not_driven() {
    let chat = given::<Chat>(&[opened(), requested(RUN), cancelled(RUN)]);

    let outcome = chat.decide(step(NODE, call_model()));

    assert_eq!(outcome, Err(Error::NotDriving));
}

#[test]
fn a_run_that_never_was_is_not_driven() {
    let chat = given::<Chat>(&[opened()]);

    let outcome = chat.decide(step(NODE, call_model()));

    assert_eq!(outcome, Err(Error::NotDriving));
}

#[test]
fn another_node_takes_over_once_the_lease_ran_out() {
    let chat = given::<Chat>(&[opened(), requested(RUN)]);

    let outcome = chat.decide(take_over(lease(OTHER_NODE, at(60)), 30));

    assert_eq!(outcome, Ok(vec![taken_over(lease(OTHER_NODE, at(60)))]));
}

#[test]
fn another_node_does_not_take_over_while_the_lease_runs() {
    let chat = given::<Chat>(&[opened(), requested(RUN)]);

    let outcome = chat.decide(take_over(lease(OTHER_NODE, at(60)), 29));

    assert_eq!(outcome, Err(Error::NotDriving));
}

#[test]
fn the_driving_node_renews_its_lease_at_any_time() {
    let chat = given::<Chat>(&[opened(), requested(RUN)]);

    let outcome = chat.decide(take_over(lease(NODE, at(60)), 1));

    assert_eq!(outcome, Ok(vec![taken_over(lease(NODE, at(60)))]));
}

#[test]
fn a_renewed_lease_keeps_others_away() {
    let chat = given::<Chat>(&[opened(), requested(RUN), taken_over(lease(NODE, at(60)))]);

    let outcome = chat.decide(take_over(lease(OTHER_NODE, at(90)), 30));

    assert_eq!(outcome, Err(Error::NotDriving));
}

#[test]
fn a_run_that_ended_is_not_taken_over() {
    let chat = given::<Chat>(&[opened(), requested(RUN), completed(RUN)]);

    let outcome = chat.decide(take_over(lease(OTHER_NODE, at(90)), 60));

    assert_eq!(outcome, Err(Error::NotDriving));
}

#[test]
fn the_owner_can_stop_a_run() {
    let chat = given::<Chat>(&[opened(), requested(RUN)]);

    let outcome = chat.decide(cancel(RUN));

    assert_eq!(outcome, Ok(vec![cancelled(RUN)]));
}

#[test]
fn stopping_twice_changes_nothing() {
    let chat = given::<Chat>(&[opened(), requested(RUN), cancelled(RUN)]);

    let outcome = chat.decide(cancel(RUN));

    assert_eq!(outcome, Ok(vec![]));
}

#[test]
fn stopping_a_completed_run_changes_nothing() {
    let chat = given::<Chat>(&[opened(), requested(RUN), completed(RUN)]);

    let outcome = chat.decide(cancel(RUN));

    assert_eq!(outcome, Ok(vec![]));
}

#[test]
fn a_run_that_never_was_cannot_be_stopped() {
    let chat = given::<Chat>(&[opened(), requested(RUN)]);

    let outcome = chat.decide(cancel(RUN + 1));

    assert_eq!(outcome, Err(Error::RunNotFound));
}

#[test]
fn a_stopped_run_does_not_go_on() {
    let chat = given::<Chat>(&[opened(), requested(RUN), cancelled(RUN)]);

    assert_eq!(run_of(&chat).status, Status::Cancelled);
}

#[test]
fn a_completed_run_remembers_why_the_model_stopped() {
    let chat = given::<Chat>(&[opened(), requested(RUN), completed(RUN)]);

    assert_eq!(run_of(&chat).status, Status::Completed(FinishReason::Stop));
}

#[test]
fn a_failed_run_remembers_why() {
    let failure = Failure {
        kind: FailureKind::Unavailable,
        detail: "the provider is overloaded".to_owned(),
        explanation: None,
        retry_after: Some(30),
    };

    let failed =
        Event::RunFailed { run: id(RUN), failure: failure.clone(), usage: Usage::default() };
    let chat = given::<Chat>(&[opened(), requested(RUN), failed]);

    assert_eq!(run_of(&chat).status, Status::Failed(failure));
}
