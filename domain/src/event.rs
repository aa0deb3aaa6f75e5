//! One event of any category, as followers of the whole log see it.

#[cfg(test)]
mod tests;

use serde::Serialize;

use crate::{Category, api_key, audit, chat, inbox, login, notification, session, settings, user};

/// What happened, to whatever kind of thing; written in the stored form.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Event {
    /// To an account.
    User(user::Event),
    /// To a signed-in device.
    Session(session::Event),
    /// To an API key.
    ApiKey(api_key::Event),
    /// To a person's preferences.
    Settings(settings::Event),
    /// To a conversation.
    Chat(chat::Event),
    /// To an account's sign-in attempts.
    Login(login::Event),
    /// To what an administrator takes out.
    Audit(audit::Event),
    /// To a notice.
    Notification(notification::Event),
    /// To all notices of a person at once.
    Inbox(inbox::Event),
}

/// The program does not know how to read this event.
#[derive(Debug, thiserror::Error)]
#[error("cannot decode event {name}")]
pub struct UnknownEvent {
    /// The stored name.
    pub name: String,
    /// Why the payload does not fit.
    #[source]
    pub source: Option<serde_json::Error>,
}

impl Event {
    /// Reads the stored form of the event called `name`.
    pub fn decode(name: &str, payload: &[u8]) -> Result<Self, UnknownEvent> {
        let Some(category) = Category::of_event(name) else {
            return Err(UnknownEvent { name: name.to_owned(), source: None });
        };
        match category {
            Category::User => serde_json::from_slice(payload).map(Self::User),
            Category::Session => serde_json::from_slice(payload).map(Self::Session),
            Category::ApiKey => serde_json::from_slice(payload).map(Self::ApiKey),
            Category::Settings => serde_json::from_slice(payload).map(Self::Settings),
            Category::Chat => serde_json::from_slice(payload).map(Self::Chat),
            Category::Login => serde_json::from_slice(payload).map(Self::Login),
            Category::Audit => serde_json::from_slice(payload).map(Self::Audit),
            Category::Notification => serde_json::from_slice(payload).map(Self::Notification),
            Category::Inbox => serde_json::from_slice(payload).map(Self::Inbox),
        }
        .map_err(|source| UnknownEvent { name: name.to_owned(), source: Some(source) })
    }
}
