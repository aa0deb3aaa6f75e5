//! An e-mail address.

use std::fmt;

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
        self.0.to_lowercase().nfc().collect()
    }
}

impl TryFrom<String> for Email {
    type Error = InvalidEmail;

    fn try_from(text: String) -> Result<Self, InvalidEmail> {
        let text: String = text.trim().nfc().collect();
        let is_plain =
            !text.contains(|c: char| c.is_control() || c.is_whitespace() || ",;<>\"".contains(c));
        let options = email_address::Options::default()
            .without_display_text()
            .without_domain_literal()
            .with_required_tld();
        let is_parsed = email_address::EmailAddress::parse_with_options(&text, options).is_ok();
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Email, InvalidEmail};

    fn parse(text: &str) -> Result<Email, InvalidEmail> {
        Email::try_from(text.to_owned())
    }

    #[test]
    fn an_address_keeps_its_spelling() {
        let email = parse("Ada.Lovelace+mail@Example.org").unwrap();

        assert_eq!(email.to_string(), "Ada.Lovelace+mail@Example.org");
    }

    #[test]
    fn space_around_an_address_is_dropped() {
        let email = parse("  ada@example.org\n").unwrap();

        assert_eq!(email.to_string(), "ada@example.org");
    }

    #[test]
    fn two_spellings_of_one_address_have_one_normalised_form() {
        let composed = parse("ren\u{e9}e@example.org").unwrap();
        let decomposed = parse("RENE\u{301}E@Example.ORG").unwrap();

        assert_eq!(composed.normalised(), decomposed.normalised());
    }

    #[test]
    fn a_letter_composed_only_in_lower_case_has_one_normalised_form() {
        let lower = parse("\u{1fb4}@example.org").unwrap();
        let upper = parse("\u{386}\u{345}@example.org").unwrap();

        assert_eq!(lower.normalised(), upper.normalised());
    }

    #[test]
    fn what_is_not_one_address_is_refused() {
        for text in [
            "",
            "ada",
            "@example.org",
            "ada@",
            "ada@localhost",
            "ada@[127.0.0.1]",
            "ada@[IPv6:::1]",
            "ada@example..org",
            "ada@-example.org",
            "Ada <ada@example.org>",
            "<ada@example.org>",
            "\"ada\"@example.org",
            "ada@example.org,bob@example.org",
            "ada@example.org;bob@example.org",
            "ada lovelace@example.org",
            "ada@example.org\r\nBcc: bob@example.org",
            "ada@exam\u{0}ple.org",
        ] {
            let outcome = parse(text);

            assert_eq!(outcome, Err(InvalidEmail), "{text:?}");
        }
    }

    #[test]
    fn an_address_has_at_most_254_octets() {
        let domain = ["d".repeat(61), "d".repeat(61), "d".repeat(61), "org".to_owned()].join(".");
        let longest = format!("{}@{domain}", "a".repeat(254 - domain.len() - 1));

        assert!(parse(&longest).is_ok());
        assert_eq!(parse(&format!("a{longest}")), Err(InvalidEmail));
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in any::<String>()) {
            let _ = parse(&text);
        }

        #[test]
        fn an_address_reads_back_what_it_shows(
            text in "[\\p{L}\\p{M}0-9.+_-]{1,20}@[\\p{L}0-9]{1,9}\\.[a-z]{2,5}",
        ) {
            let Ok(email) = parse(&text) else { return Ok(()) };

            prop_assert_eq!(parse(&email.to_string()), Ok(email));
        }

        #[test]
        fn a_normalised_address_is_its_own_normalised_form(
            text in "[\\p{L}\\p{M}]{1,12}@example\\.org",
        ) {
            let Ok(email) = parse(&text) else { return Ok(()) };
            let Ok(normalised) = parse(&email.normalised()) else { return Ok(()) };

            prop_assert_eq!(normalised.normalised(), email.normalised());
        }
    }
}
