//! What may happen to a notice, and what its parts may be.

use proptest::prelude::*;
use serde_json::{Map, json};
use uuid::Uuid;

use super::*;
use crate::testing::{assert_replays, at, given, id, text};

fn content() -> Content {
    Content {
        title: text("Invoice 7"),
        message: Body::try_from("It is due.\nThank you.".to_owned()).unwrap(),
        action_url: Some(ActionUrl::try_from("/billing/7".to_owned()).unwrap()),
        action_label: None,
        metadata: None,
    }
}

fn creation() -> Creation {
    let (urgency, topic) = (Urgency::Warning, Topic::Billing);
    Creation { user: id(1), urgency, topic, content: content(), at: at(0), expires_at: None }
}

fn created() -> Event {
    let Creation { user, urgency, topic, content, at, expires_at } = creation();
    Event::Created { user, urgency, topic, content: content.into(), at, expires_at }
}

fn by(user: Uuid, step: Step) -> Command {
    Command::Handle { user, step, at: at(5) }
}

fn decided(before: &[Event], step: Step) -> Result<Vec<Event>, Error> {
    let events: Vec<_> = [created()].into_iter().chain(before.iter().cloned()).collect();
    given::<Notification>(&events).decide(by(id(1), step))
}

#[test]
fn a_notice_is_made_once() {
    let new = Notification::default();

    assert_eq!(new.decide(Command::Create(creation())), Ok(vec![created()]));
    let there = given::<Notification>(&[created()]);
    assert_eq!(there.decide(Command::Create(creation())), Err(Error::AlreadyCreated));
}

#[test]
fn a_notice_that_is_over_before_it_begins_is_refused() {
    let over = Creation { expires_at: Some(at(0)), ..creation() };

    assert_eq!(Notification::default().decide(Command::Create(over)), Err(Error::Past));
}

#[test]
fn reading_twice_is_reading_once() {
    let read = Event::Read { user: id(1), at: at(5) };

    assert_eq!(decided(&[], Step::Read), Ok(vec![read.clone()]));
    assert_eq!(decided(&[read], Step::Read), Ok(vec![]));
}

#[test]
fn unread_is_written_down_also_where_this_stream_does_not_know_of_a_reading() {
    assert_eq!(decided(&[], Step::Unread), Ok(vec![Event::Unread { user: id(1) }]));
}

#[test]
fn a_notice_hides_until_a_moment_to_come() {
    let until = |seconds| Step::Snooze(Some(at(seconds)));
    let snoozed = Event::Snoozed { user: id(1), until: Some(at(9)) };

    assert_eq!(decided(&[], until(5)), Err(Error::Past));
    assert_eq!(decided(&[], until(9)), Ok(vec![snoozed.clone()]));
    assert_eq!(decided(std::slice::from_ref(&snoozed), until(9)), Ok(vec![]));
    let back = Event::Snoozed { user: id(1), until: None };
    assert_eq!(decided(&[snoozed], Step::Snooze(None)), Ok(vec![back]));
}

#[test]
fn putting_away_and_taking_out_change_something_or_nothing() {
    let archived = |is_archived| Event::Archived { user: id(1), is_archived };

    assert_eq!(decided(&[], Step::Archive), Ok(vec![archived(true)]));
    assert_eq!(decided(&[archived(true)], Step::Archive), Ok(vec![]));
    assert_eq!(decided(&[archived(true)], Step::Unarchive), Ok(vec![archived(false)]));
    assert_eq!(decided(&[], Step::Unarchive), Ok(vec![]));
}

#[test]
fn a_notice_that_was_thrown_away_is_gone_but_for_throwing_it_away() {
    let deleted = [Event::Deleted { user: id(1) }];

    assert_eq!(decided(&deleted, Step::Read), Err(Error::NotFound));
    assert_eq!(decided(&deleted, Step::Delete), Ok(vec![]));
}

#[test]
fn nobody_handles_anothers_notice() {
    let there = given::<Notification>(&[created()]);
    let gone = given::<Notification>(&[created(), Event::Deleted { user: id(1) }]);

    for step in [Step::Read, Step::Unread, Step::Archive, Step::Delete, Step::Snooze(None)] {
        assert_eq!(there.decide(by(id(2), step)), Err(Error::NotFound), "{step:?}");
        assert_eq!(gone.decide(by(id(2), step)), Err(Error::NotFound), "{step:?}");
        assert_eq!(Notification::Absent.decide(by(id(1), step)), Err(Error::NotFound));
    }
}

#[test]
fn an_action_leads_nowhere_but_to_a_page() {
    for (address, is_fine) in [
        ("/billing?x=1", true),
        ("https://example.org/a", true),
        ("http://localhost:3000/", true),
        ("javascript:alert(1)", false),
        ("data:text/html,x", false),
        ("//evil.example", false),
        ("/\\evil.example", false),
        ("https://", false),
        ("billing", false),
        ("/a b", false),
        ("/a\nb", false),
        ("", false),
    ] {
        assert_eq!(ActionUrl::try_from(address.to_owned()).is_ok(), is_fine, "{address:?}");
    }
}

#[test]
fn a_message_may_have_lines_but_no_control_characters() {
    let message = |text: &str| Body::try_from(text.to_owned()).map(|body| body.to_string());

    assert_eq!(message(" a\r\nb\tc ").as_deref(), Ok("a\nb\tc"));
    for wrong in ["", " \n ", "a\0b", "a\x1bb", &"x".repeat(4001)] {
        assert_eq!(message(wrong), Err(InvalidContent::Body), "{wrong:?}");
    }
}

#[test]
fn metadata_has_a_size() {
    let fields = |length| Map::from_iter([("a".to_owned(), json!("x".repeat(length)))]);

    assert!(Metadata::try_from(fields(8000)).is_ok());
    assert_eq!(Metadata::try_from(fields(8 << 10)), Err(InvalidContent::Metadata));
}

fn any_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        Just(Step::Read),
        Just(Step::Unread),
        (0..20_i64).prop_map(|seconds| Step::Snooze(Some(at(seconds)))),
        Just(Step::Snooze(None)),
        Just(Step::Archive),
        Just(Step::Unarchive),
        Just(Step::Delete),
    ]
}

proptest! {
    #[test]
    fn any_history_replays_to_the_same_notice(
        steps in prop::collection::vec((1..3_u128, any_step()), 0..20),
    ) {
        let steps = steps.into_iter().map(|(user, step)| by(id(user), step));
        assert_replays::<Notification>([Command::Create(creation())].into_iter().chain(steps).collect());
    }
}
