//! A conversation exists for nobody but its owner.

use super::{OWNER, RUN, STRANGER, opened, request, request_run, requested, said};
use crate::{
    Aggregate,
    chat::{Chat, Command, Error, Event},
    testing::{given, id},
};

#[test]
fn a_stranger_cannot_ask_a_model() {
    let chat = given::<Chat>(&[opened()]);

    let outcome = chat.decide(request_run(STRANGER, request(RUN)));

    assert_eq!(outcome, Err(Error::NotFound));
}

#[test]
fn a_stranger_does_not_learn_that_a_run_goes_on() {
    let chat = given::<Chat>(&[opened(), requested(RUN)]);

    let outcome = chat.decide(request_run(STRANGER, request(RUN + 1)));

    assert_eq!(outcome, Err(Error::NotFound));
}

#[test]
fn a_stranger_cannot_add_messages() {
    let chat = given::<Chat>(&[opened()]);

    let messages = vec![said("hello")];
    let outcome = chat.decide(Command::AddMessages { owner: id(STRANGER), messages });

    assert_eq!(outcome, Err(Error::NotFound));
}

#[test]
fn a_stranger_cannot_stop_a_run() {
    let chat = given::<Chat>(&[opened(), requested(RUN)]);

    let outcome = chat.decide(Command::Cancel { owner: id(STRANGER), run: id(RUN) });

    assert_eq!(outcome, Err(Error::NotFound));
}

#[test]
fn a_stranger_cannot_throw_a_conversation_away() {
    let chat = given::<Chat>(&[opened()]);

    let outcome = chat.decide(Command::Delete { owner: id(STRANGER) });

    assert_eq!(outcome, Err(Error::NotFound));
}

#[test]
fn a_stranger_does_not_learn_that_a_conversation_was_thrown_away() {
    let chat = given::<Chat>(&[opened(), Event::Deleted {}]);

    let outcome = chat.decide(Command::Delete { owner: id(STRANGER) });

    assert_eq!(outcome, Err(Error::NotFound));
}

#[test]
fn a_conversation_that_never_was_is_not_found() {
    let nothing = given::<Chat>(&[]);

    let outcome = nothing.decide(Command::Delete { owner: id(OWNER) });

    assert_eq!(outcome, Err(Error::NotFound));
}

#[test]
fn when_the_owner_leaves_the_run_is_stopped_and_the_conversation_gone() {
    let chat = given::<Chat>(&[opened(), requested(RUN)]);

    let outcome = chat.decide(Command::Erase { owner: id(OWNER) });

    assert_eq!(outcome, Ok(vec![Event::RunCancelled { run: id(RUN) }, Event::Deleted {}]));
    let gone = given::<Chat>(&[opened(), requested(RUN), Event::Deleted {}]);
    assert_eq!(gone.decide(Command::Erase { owner: id(OWNER) }), Ok(vec![]));
}

#[test]
fn a_conversation_of_somebody_else_is_not_erased() {
    let chat = given::<Chat>(&[opened()]);

    let outcome = chat.decide(Command::Erase { owner: id(STRANGER) });

    assert_eq!(outcome, Err(Error::NotFound));
}
