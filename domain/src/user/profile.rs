//! What a person tells of themselves.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Account, Event};
use crate::{Kind, Personal, Rejection, Text, serde_as_string};

/// What a person tells of themselves, beside the name they go by.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Profile {
    /// What they like to be called.
    pub preferred_name: Option<Personal<Text>>,
    /// Their whole name.
    pub full_name: Option<Personal<Text>>,
    /// What they are called among others.
    pub username: Option<Personal<Handle>>,
    /// A picture of them.
    pub avatar_url: Option<Personal<WebAddress>>,
    /// Their account at GitHub.
    pub github_username: Option<Personal<Handle>>,
}

/// A name without spaces: 1 to 64 letters, digits, and `.`, `_`, `-`, `@` or `+`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Handle(String);

/// An `http` or `https` address of 2,000 characters at most, without anything that could leave an attribute.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct WebAddress(String);

/// The text is no such name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this must be 1 to 64 letters, digits, and . _ - @ +")]
pub struct InvalidHandle;

/// The text is no address of the web.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this must be an address that starts with https:// or http://")]
pub struct InvalidWebAddress;

impl Account {
    pub(super) fn tell(&self, name: Option<Text>, profile: Profile) -> Vec<Event> {
        let name = name.map(Personal::from);
        if name == self.name && profile == self.profile {
            return vec![];
        }
        vec![Event::ProfileChanged { name, profile }]
    }
}

impl TryFrom<String> for Handle {
    type Error = InvalidHandle;

    fn try_from(text: String) -> Result<Self, InvalidHandle> {
        let is_plain = text.chars().all(|c| c.is_alphanumeric() || "._-@+".contains(c));
        if is_plain && (1..=64).contains(&text.chars().count()) {
            Ok(Self(text))
        } else {
            Err(InvalidHandle)
        }
    }
}

impl TryFrom<String> for WebAddress {
    type Error = InvalidWebAddress;

    fn try_from(text: String) -> Result<Self, InvalidWebAddress> {
        let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
        let is_plain = text.chars().all(|c| c.is_ascii_graphic() && !"\"'<>`\\".contains(c));
        let has_host =
            rest.is_some_and(|rest| rest.starts_with(|c: char| c.is_alphanumeric() || c == '['));
        if is_plain && has_host && text.len() <= 2000 {
            Ok(Self(text))
        } else {
            Err(InvalidWebAddress)
        }
    }
}

impl fmt::Display for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for WebAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

serde_as_string!(Handle);
serde_as_string!(WebAddress);

impl From<InvalidHandle> for Rejection {
    fn from(error: InvalidHandle) -> Self {
        Self::new(Kind::Invalid, "invalid_username", error.to_string())
    }
}

impl From<InvalidWebAddress> for Rejection {
    fn from(error: InvalidWebAddress) -> Self {
        Self::new(Kind::Invalid, "invalid_url", error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_is_at_an_address_of_the_web() {
        let is_taken = |text: &str| WebAddress::try_from(text.to_owned()).is_ok();

        assert!(is_taken("https://example.org/ada.png?size=64"));
        for text in
            ["javascript:alert(1)", "//example.org", "https://", "https:// a", "https://a/\">"]
        {
            assert!(!is_taken(text), "{text}");
        }
    }

    #[test]
    fn a_handle_has_no_spaces_and_no_markup() {
        let is_taken = |text: &str| Handle::try_from(text.to_owned()).is_ok();

        assert!(is_taken("ada-lovelace_1"));
        for text in ["", "a b", "<b>", "a/b", &"a".repeat(65)] {
            assert!(!is_taken(text), "{text}");
        }
    }
}
