//! An e-mail address.

use std::{fmt, str::FromStr};

use unicode_normalization::UnicodeNormalization;

use crate::{Kind, Rejection, serde_as_string};

/// An address that mail can be sent to (RFC 5321: 254 octets at most, one mailbox).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Email(String);

/// The text is not one mail address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this is not an e-mail address")]
pub struct InvalidEmail;

impl Email {
    /// The form under which two spellings are the same address: NFC, lower case.
    #[must_use]
    pub fn normalised(&self) -> String {
        self.0.to_lowercase()
    }
}

impl TryFrom<String> for Email {
    type Error = InvalidEmail;

    fn try_from(text: String) -> Result<Self, InvalidEmail> {
        let text: String = text.trim().nfc().collect();
        let is_plain = !text.contains(|c: char| c.is_control() || c.is_whitespace() || ",;<>\"".contains(c));
        let options = email_address::Options::default().without_display_text().with_required_tld();
        let is_parsed = email_address::EmailAddress::from_str(&text).is_ok()
            && email_address::EmailAddress::parse_with_options(&text, options).is_ok();
        if text.len() > 254 || !is_plain || !is_parsed {
            return Err(InvalidEmail);
        }
        Ok(Self(text))
    }
}

impl fmt::Display for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

serde_as_string!(Email);

impl From<InvalidEmail> for Rejection {
    fn from(error: InvalidEmail) -> Self {
        Self::new(Kind::Invalid, "invalid_email", error.to_string())
    }
}
