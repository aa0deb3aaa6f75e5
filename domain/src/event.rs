//! One event of any category, as followers of the whole log see it.

mod names;
#[cfg(test)]
mod tests;
mod upcast;

use serde::{Serialize, de::DeserializeOwned};

pub use names::NAMES;
pub use upcast::written_version;

use crate::{
    Category, api_key, audit, chat, factors, inbox, login, notification, session, settings, user,
};

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
    /// To a person's second factors.
    Factors(factors::Event),
}

/// The program does not know how to read this event.
#[derive(Debug, thiserror::Error)]
#[error("cannot decode event {name} in version {version}")]
pub struct UnknownEvent {
    /// The stored name.
    pub name: String,
    /// The version of the stored form.
    pub version: i16,
    /// Why the payload does not fit, where name and version are known.
    #[source]
    pub source: Option<serde_json::Error>,
}

/// Whether this program reads events of a name in a version.
#[must_use]
pub fn is_readable(name: &str, version: i16) -> bool {
    NAMES.contains(&name) && (1..=written_version(name)).contains(&version)
}

/// Reads an event out of any of its stored forms. Whatever is read of the log is read here.
pub fn decode<E: DeserializeOwned>(
    name: &str,
    version: i16,
    payload: &[u8],
) -> Result<E, UnknownEvent> {
    let unknown = |source| UnknownEvent { name: name.to_owned(), version, source };
    if !(1..=written_version(name)).contains(&version) {
        return Err(unknown(None));
    }
    let current = upcast::current_form(name, version, payload);
    current
        .and_then(|current| serde_json::from_slice(&current))
        .map_err(|error| unknown(Some(error)))
}

impl Event {
    /// Reads a stored form of the event called `name`, of whatever category it is.
    pub fn decode(name: &str, version: i16, payload: &[u8]) -> Result<Self, UnknownEvent> {
        let Some(category) = Category::of_event(name) else {
            return Err(UnknownEvent { name: name.to_owned(), version, source: None });
        };
        match category {
            Category::User => decode(name, version, payload).map(Self::User),
            Category::Session => decode(name, version, payload).map(Self::Session),
            Category::ApiKey => decode(name, version, payload).map(Self::ApiKey),
            Category::Settings => decode(name, version, payload).map(Self::Settings),
            Category::Chat => decode(name, version, payload).map(Self::Chat),
            Category::Login => decode(name, version, payload).map(Self::Login),
            Category::Audit => decode(name, version, payload).map(Self::Audit),
            Category::Notification => decode(name, version, payload).map(Self::Notification),
            Category::Inbox => decode(name, version, payload).map(Self::Inbox),
            Category::Factors => decode(name, version, payload).map(Self::Factors),
        }
    }
}
