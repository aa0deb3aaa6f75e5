//! Whatever happened: every event can be stored and read again, and taken in, in any state.

use domain::{
    Aggregate, Category, Event, api_key::ApiKey, audit::Audit, chat::Chat, decode,
    factors::Factors, inbox::Inbox, login::Login, notification::Notification, session::Session,
    settings::Settings, user::User, written_version,
};
use proptest::prelude::*;
use serde_json::Value;
use tests::Dice;

use super::samples::{Sample, sealed};

/// So many events follow each other at most.
const EVENTS: usize = 40;

/// Some events of a category, in an order in which they need not have happened.
fn any_events(category: Category) -> impl Strategy<Value = Vec<Sample>> {
    let samples = Sample::all(category);
    assert!(!samples.is_empty(), "{category:?} has no stored sample");
    let any_event = (prop::sample::select(samples), any::<u64>())
        .prop_map(|(sample, seed)| sample.varied(&mut Dice::new(seed)));
    prop::collection::vec(any_event, 1..EVENTS)
}

/// The stored form of an event.
fn stored(event: &Event) -> Vec<u8> {
    sealed(|| serde_json::to_vec(event)).expect("an event can be stored")
}

fn assert_stored_and_read(samples: &[Sample]) -> Result<(), TestCaseError> {
    for sample in samples {
        let event = sample.decode().expect("a varied sample can be read");

        let payload = stored(&event);
        let version = written_version(&sample.name);
        let again = sealed(|| Event::decode(&sample.name, version, &payload));
        let again = again.expect("it reads back");

        prop_assert_eq!(&again, &event);
        prop_assert_eq!(stored(&again), payload, "twice stored is stored alike");
    }
    Ok(())
}

/// The state after events in any order: this must not panic, and must not depend on anything else.
fn assert_taken_in<A: Aggregate + std::fmt::Debug + PartialEq>(
    samples: &[Sample],
) -> Result<(), TestCaseError> {
    let read = |sample: &Sample| -> A::Event {
        let payload = serde_json::to_vec(&sample.payload).expect("JSON");
        sealed(|| decode(&sample.name, sample.version, &payload))
            .expect("a varied sample can be read")
    };
    let (mut state, mut again) = (A::default(), A::default());
    for sample in samples {
        state.evolve(&read(sample));
        again.evolve(&read(sample));
    }
    prop_assert_eq!(state, again);
    Ok(())
}

macro_rules! laws_of_events {
    ($($module:ident: $aggregate:ident, $category:ident;)*) => {
        $(mod $module {
            use super::*;

            proptest! {
                #[test]
                fn any_event_is_stored_and_read_again(events in any_events(Category::$category)) {
                    assert_stored_and_read(&events)?;
                }

                #[test]
                fn any_event_is_taken_in_in_any_state(events in any_events(Category::$category)) {
                    assert_taken_in::<$aggregate>(&events)?;
                }
            }
        })*

        #[test]
        fn every_category_is_covered() {
            let covered = [$(Category::$category),*];

            assert_eq!(covered.len(), Category::ALL.len());
        }
    };
}

laws_of_events! {
    user: User, User;
    session: Session, Session;
    api_key: ApiKey, ApiKey;
    settings: Settings, Settings;
    chat: Chat, Chat;
    login: Login, Login;
    audit: Audit, Audit;
    notification: Notification, Notification;
    inbox: Inbox, Inbox;
    factors: Factors, Factors;
}

#[test]
fn varied_samples_are_not_all_the_same() {
    let mut dice = Dice::new(1);
    for category in Category::ALL {
        for sample in Sample::all(category) {
            let has_values = sample.payload[&sample.name] != Value::Object(serde_json::Map::new());

            let varied: Vec<_> = (0..500).map(|_| sample.varied(&mut dice).payload).collect();

            let differs = varied.iter().any(|payload| *payload != sample.payload);
            assert_eq!(differs, has_values, "{}", sample.name);
        }
    }
}
