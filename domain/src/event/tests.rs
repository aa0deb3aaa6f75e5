//! Events are forever: what was ever stored reads back to itself.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use super::Event;
use crate::{
    api_key, audit, chat, inbox, login, notification, session, settings, testing::sealed, user,
};

/// The stored names of all events, and a match that does not compile while one is missing.
macro_rules! events {
    ($($event:pat => $name:literal,)*) => {
        const NAMES: &[&str] = &[$($name),*];

        fn name(event: &Event) -> &'static str {
            match event {
                $($event => $name,)*
            }
        }
    };
}

events! {
    Event::User(user::Event::Registered { .. }) => "user.registered",
    Event::User(user::Event::VerificationRequested { .. }) => "user.verification_requested",
    Event::User(user::Event::EmailVerified { .. }) => "user.email_verified",
    Event::User(user::Event::RoleChanged { .. }) => "user.role_changed",
    Event::User(user::Event::Deactivated {}) => "user.deactivated",
    Event::User(user::Event::Activated {}) => "user.activated",
    Event::User(user::Event::ErasureRequested { .. }) => "user.erasure_requested",
    Event::User(user::Event::Erased { .. }) => "user.erased",
    Event::User(user::Event::ErasureCertified { .. }) => "user.erasure_certified",
    Event::Session(session::Event::Started { .. }) => "session.started",
    Event::Session(session::Event::Refreshed { .. }) => "session.refreshed",
    Event::Session(session::Event::Ended { .. }) => "session.ended",
    Event::ApiKey(api_key::Event::Created { .. }) => "api_key.created",
    Event::ApiKey(api_key::Event::Revoked { .. }) => "api_key.revoked",
    Event::Settings(settings::Event::CommunicationChanged { .. })
        => "settings.communication_changed",
    Event::Settings(settings::Event::NotificationsChanged { .. })
        => "settings.notifications_changed",
    Event::Settings(settings::Event::Erased { .. }) => "settings.erased",
    Event::Chat(chat::Event::Opened { .. }) => "chat.opened",
    Event::Chat(chat::Event::MessageAdded { .. }) => "chat.message_added",
    Event::Chat(chat::Event::RunRequested { .. }) => "chat.run_requested",
    Event::Chat(chat::Event::ModelCalled { .. }) => "chat.model_called",
    Event::Chat(chat::Event::ModelAnswered { .. }) => "chat.model_answered",
    Event::Chat(chat::Event::ToolStarted { .. }) => "chat.tool_started",
    Event::Chat(chat::Event::ToolFinished { .. }) => "chat.tool_finished",
    Event::Chat(chat::Event::RunTakenOver { .. }) => "chat.run_taken_over",
    Event::Chat(chat::Event::RunCompleted { .. }) => "chat.run_completed",
    Event::Chat(chat::Event::RunFailed { .. }) => "chat.run_failed",
    Event::Chat(chat::Event::RunCancelled { .. }) => "chat.run_cancelled",
    Event::Chat(chat::Event::Deleted {}) => "chat.deleted",
    Event::Login(login::Event::Failed { .. }) => "login.failed",
    Event::Audit(audit::Event::Exported { .. }) => "audit.exported",
    Event::Notification(notification::Event::Created { .. }) => "notification.created",
    Event::Notification(notification::Event::Read { .. }) => "notification.read",
    Event::Notification(notification::Event::Unread { .. }) => "notification.unread",
    Event::Notification(notification::Event::Snoozed { .. }) => "notification.snoozed",
    Event::Notification(notification::Event::Archived { .. }) => "notification.archived",
    Event::Notification(notification::Event::Deleted { .. }) => "notification.deleted",
    Event::Inbox(inbox::Event::AllRead { .. }) => "inbox.all_read",
    Event::Inbox(inbox::Event::ReadDeleted { .. }) => "inbox.read_deleted",
}

/// The stored samples, by event name.
fn samples() -> BTreeMap<String, String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("events");
    let files = fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
    let sample = |file: std::path::PathBuf| {
        let file_name = file.file_name().and_then(|name| name.to_str()).unwrap().to_owned();
        let name = file_name.strip_suffix(".v1.json").expect(&file_name);
        (name.to_owned(), fs::read_to_string(&file).unwrap().trim_end().to_owned())
    };
    files.map(sample).collect()
}

fn decode(name: &str, payload: &str) -> Event {
    sealed(|| Event::decode(name, payload.as_bytes()))
        .unwrap_or_else(|error| panic!("{error}: {:?}", error.source))
}

fn encode(event: &Event) -> String {
    sealed(|| match event {
        Event::User(event) => serde_json::to_string(event),
        Event::Session(event) => serde_json::to_string(event),
        Event::ApiKey(event) => serde_json::to_string(event),
        Event::Settings(event) => serde_json::to_string(event),
        Event::Chat(event) => serde_json::to_string(event),
        Event::Login(event) => serde_json::to_string(event),
        Event::Audit(event) => serde_json::to_string(event),
        Event::Notification(event) => serde_json::to_string(event),
        Event::Inbox(event) => serde_json::to_string(event),
    })
    .unwrap()
}

#[test]
fn every_event_has_a_sample_and_every_sample_an_event() {
    let sampled: BTreeSet<String> = samples().into_keys().collect();

    let known: BTreeSet<String> = NAMES.iter().copied().map(str::to_owned).collect();

    assert_eq!(sampled, known);
}

#[test]
fn every_sample_is_the_event_it_is_named_after() {
    for (sampled, payload) in samples() {
        let event = decode(&sampled, &payload);

        assert_eq!(name(&event), sampled);
    }
}

#[test]
fn every_sample_is_stored_again_as_it_was() {
    for (sampled, payload) in samples() {
        let event = decode(&sampled, &payload);

        assert_eq!(encode(&event), payload, "{sampled}");
    }
}

#[test]
fn an_event_of_no_category_is_unknown() {
    let outcome = Event::decode("invoice.paid", br#"{"invoice.paid":{}}"#);

    assert!(outcome.is_err_and(|error| error.source.is_none()));
}

#[test]
fn an_unknown_event_of_a_category_is_unknown() {
    let outcome = Event::decode("user.promoted", br#"{"user.promoted":{}}"#);

    assert!(outcome.is_err_and(|error| error.source.is_some()));
}
