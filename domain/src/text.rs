//! A short line of text that a person wrote: a name, a title.

use std::fmt;

use unicode_normalization::UnicodeNormalization;

use crate::{Kind, Rejection, serde_as_string};

/// One line of 1 to 200 characters, NFC, trimmed, without control characters.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Text(String);

/// The text is empty, too long, or holds control characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this must be one line of 1 to 200 characters")]
pub struct InvalidText;

impl TryFrom<String> for Text {
    type Error = InvalidText;

    fn try_from(text: String) -> Result<Self, InvalidText> {
        let text: String = text.trim().nfc().collect();
        let is_visible = !text.chars().any(char::is_control);
        if is_visible && (1..=200).contains(&text.chars().count()) {
            Ok(Self(text))
        } else {
            Err(InvalidText)
        }
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

serde_as_string!(Text);

impl From<InvalidText> for Rejection {
    fn from(error: InvalidText) -> Self {
        Self::new(Kind::Invalid, "invalid_text", error.to_string())
    }
}
