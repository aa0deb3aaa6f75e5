//! Beginning, adding to and throwing away a conversation.

use super::{
    OWNER, RUN, Role, cancelled, completed, opened, request, request_run, requested, said,
};
use crate::{
    Aggregate, Kind, Personal, Rejection,
    chat::{Chat, Command, Error, Event, Message},
    testing::{at, given, id, text},
};

fn add(messages: Vec<Message>) -> Command {
    Command::AddMessages { owner: id(OWNER), messages }
}

fn delete() -> Command {
    Command::Delete { owner: id(OWNER) }
}

fn added(words: &str) -> Event {
    Event::MessageAdded { message: said(words).into() }
}

#[test]
fn a_conversation_can_be_begun() {
    let nothing = given::<Chat>(&[]);

    let outcome =
        nothing.decide(Command::Open { owner: id(OWNER), title: Some(text("Weather")), at: at(0) });

    let title = Some(text("Weather").into());
    assert_eq!(outcome, Ok(vec![Event::Opened { owner: id(OWNER), title, at: at(0) }]));
}

#[test]
fn a_conversation_cannot_be_begun_twice() {
    let chat = given::<Chat>(&[opened()]);

    let outcome = chat.decide(Command::Open { owner: id(OWNER), title: None, at: at(1) });

    assert_eq!(outcome, Err(Error::AlreadyOpen));
}

#[test]
fn messages_can_be_added_without_asking_a_model() {
    let chat = given::<Chat>(&[opened()]);

    let outcome = chat.decide(add(vec![said("one"), said("two")]));

    assert_eq!(outcome, Ok(vec![added("one"), added("two")]));
}

#[test]
fn adding_no_messages_is_refused() {
    let chat = given::<Chat>(&[opened()]);

    let outcome = chat.decide(add(vec![]));

    assert_eq!(outcome, Err(Error::NoMessages));
}

#[test]
fn messages_cannot_be_added_while_a_run_goes_on() {
    let chat = given::<Chat>(&[opened(), requested(RUN)]);

    let outcome = chat.decide(add(vec![said("and tomorrow")]));

    assert_eq!(outcome, Err(Error::Busy));
}

#[test]
fn a_conversation_holds_its_turns_in_order() {
    let chat =
        given::<Chat>(&[opened(), added("one"), requested(RUN), cancelled(RUN), added("two")]);

    let turns = chat.conversation().map(|conversation| conversation.messages.clone());

    let expected = ["one", "what is the weather", "two"].map(said).map(Personal::from);
    assert_eq!(turns, Some(expected.to_vec()));
}

#[test]
fn a_conversation_can_be_thrown_away() {
    let chat = given::<Chat>(&[opened(), requested(RUN), completed(RUN)]);

    let outcome = chat.decide(delete());

    assert_eq!(outcome, Ok(vec![Event::Deleted {}]));
}

#[test]
fn a_conversation_is_not_thrown_away_while_a_run_goes_on() {
    let chat = given::<Chat>(&[opened(), requested(RUN)]);

    let outcome = chat.decide(delete());

    assert_eq!(outcome, Err(Error::Busy));
}

#[test]
fn throwing_away_twice_changes_nothing() {
    let chat = given::<Chat>(&[opened(), Event::Deleted {}]);

    let outcome = chat.decide(delete());

    assert_eq!(outcome, Ok(vec![]));
}

#[test]
fn a_conversation_that_was_thrown_away_cannot_go_on() {
    let chat = given::<Chat>(&[opened(), Event::Deleted {}]);

    let outcome = chat.decide(request_run(OWNER, request(RUN)));

    assert_eq!(outcome, Err(Error::NotFound));
}

#[test]
fn a_conversation_that_was_thrown_away_shows_nothing() {
    let chat = given::<Chat>(&[opened(), added("one"), Event::Deleted {}]);

    assert_eq!(chat.conversation(), None);
}

#[test]
fn a_busy_conversation_is_worth_another_try() {
    let rejection = Rejection::from(Error::Busy);

    assert_eq!((rejection.kind, rejection.code), (Kind::Busy, "session_busy"));
}

#[test]
fn the_text_of_a_turn_leaves_pictures_out() {
    let mut message = said("look: ");
    message.content.push(crate::chat::Part::Image { url: "https://example.org/cat".to_owned() });
    message.content.extend(Message::text(Role::User, "a cat").content);

    assert_eq!(message.plain_text(), "look: a cat");
}
