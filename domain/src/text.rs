//! A short line of text that a person wrote: a name, a title.

use std::fmt;

use unicode_normalization::UnicodeNormalization;

use crate::{Kind, Rejection, serde_as_string};

/// The line and the paragraph separator, the only line breaks that are not control characters.
const LINE_BREAKS: [char; 2] = ['\u{2028}', '\u{2029}'];

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
        let is_one_line = !text.contains(|c: char| c.is_control() || LINE_BREAKS.contains(&c));
        if is_one_line && (1..=200).contains(&text.chars().count()) {
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{InvalidText, Text};

    fn parse(text: &str) -> Result<Text, InvalidText> {
        Text::try_from(text.to_owned())
    }

    #[test]
    fn space_around_a_text_is_dropped() {
        let text = parse("  Ada Lovelace\n").unwrap();

        assert_eq!(text.to_string(), "Ada Lovelace");
    }

    #[test]
    fn two_spellings_of_one_text_are_the_same() {
        let composed = parse("Ren\u{e9}e").unwrap();
        let decomposed = parse("Rene\u{301}e").unwrap();

        assert_eq!(composed, decomposed);
    }

    #[test]
    fn a_text_of_200_characters_is_taken_whatever_their_size() {
        let outcome = parse(&"\u{1f980}".repeat(200));

        assert!(outcome.is_ok());
    }

    #[test]
    fn what_is_not_one_line_of_1_to_200_characters_is_refused() {
        let too_long = "a".repeat(201);
        for text in ["", " \t\n", "a\nb", "a\u{2028}b", "a\u{2029}b", "a\u{0}b", &too_long] {
            let outcome = parse(text);

            assert_eq!(outcome, Err(InvalidText), "{text:?}");
        }
    }

    #[test]
    fn a_body_with_an_empty_text_is_refused_while_it_is_parsed() {
        let outcome = serde_json::from_str::<Text>(r#"" ""#);

        assert!(outcome.is_err());
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused_and_reads_back_what_it_shows(text in any::<String>()) {
            let Ok(text) = parse(&text) else { return Ok(()) };

            prop_assert_eq!(parse(&text.to_string()), Ok(text));
        }
    }
}
