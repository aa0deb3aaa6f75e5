//! Whoever changes what is kept of a conversation, or what events do to it, changes its sample.

use super::{
    NODE, OTHER_NODE, OWNER, RUN, answered, asks_for, cancelled, completed, counted, lease, opened,
    requested, said, taken_over, tool_finished, tool_started,
};
use crate::{
    Personal,
    chat::{Chat, Event, Failure, FailureKind, Usage},
    testing::{assert_kept, at, given, id},
};

const SAMPLE: &str = include_str!("../../../states/chat.json");

fn failed(run: u128) -> Event {
    let failure = Failure {
        kind: FailureKind::Unavailable,
        detail: "the provider is overloaded".to_owned(),
        explanation: Some("busy".to_owned().into()),
        retry_after: Some(5),
    };
    Event::RunFailed { run: id(run), failure, usage: Usage::default() }
}

/// A conversation to which everything happened but its end.
fn eventful() -> Vec<Event> {
    vec![
        opened(),
        Event::MessageAdded { message: said("hello").into() },
        Event::MessageAdded { message: Personal::Erased },
        requested(RUN),
        Event::ModelCalled { run: id(RUN), iteration: 1 },
        answered(1, asks_for(&["a", "b"]), counted(7, 9)),
        tool_started("a"),
        tool_finished("a"),
        tool_started("b"),
        taken_over(lease(OTHER_NODE, at(60))),
        requested(RUN + 1),
        completed(RUN + 1),
        requested(RUN + 2),
        failed(RUN + 2),
        requested(RUN + 3),
        cancelled(RUN + 3),
    ]
}

#[test]
fn conversations_are_kept_as_the_sample_says() {
    let deleted = [eventful(), vec![Event::Deleted {}]].concat();

    let states: [Chat; 3] = [given(&[]), given(&eventful()), given(&deleted)];

    assert_kept(&states, SAMPLE);
}

#[test]
fn a_lease_of_the_first_driver_is_not_that_of_the_second() {
    let state: Chat = given(&eventful());

    let run = state.conversation().and_then(|open| open.run(id(RUN))).unwrap();

    assert_ne!(run.lease.node, id(NODE), "the sample shows what a later event did");
    assert_eq!(state.conversation().unwrap().owner, id(OWNER));
}
