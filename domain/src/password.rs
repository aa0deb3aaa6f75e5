//! The password policy (NIST SP 800-63B-4, section 3.1.1; ASVS 5.0 V6.2).

use std::fmt;

use unicode_normalization::UnicodeNormalization;

use crate::{Email, Kind, Rejection};

/// The most used passwords of public breach corpora that are 8 characters or longer.
const COMMON: &str = include_str!("common_passwords.txt");

/// A password that a person may choose. It is hashed and forgotten, never stored or shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Password(String);

/// Why a password may not be chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WeakPassword {
    /// Under the minimum.
    #[error("a password needs at least {0} characters")]
    TooShort(usize),
    /// Over 128 characters.
    #[error("a password has at most 128 characters")]
    TooLong,
    /// Among the first that an attacker tries.
    #[error("this password is among the most common ones")]
    Common,
    /// Holds the address or the product's name.
    #[error("a password must not contain your address or the name of this service")]
    Guessable,
    /// In the hands of attackers already.
    #[error("this password became known in a breach of another service; choose another one")]
    Breached,
}

impl Password {
    /// Takes a password that holds to the policy; any Unicode is welcome, and there are no
    /// composition rules.
    pub fn choose(text: &str, email: &Email, minimum: usize) -> Result<Self, WeakPassword> {
        let text: String = text.nfc().collect();
        let length = text.chars().count();
        if length < minimum {
            return Err(WeakPassword::TooShort(minimum));
        }
        if length > 128 {
            return Err(WeakPassword::TooLong);
        }
        let lower = text.to_lowercase();
        if COMMON.lines().any(|common| common == lower) {
            return Err(WeakPassword::Common);
        }
        let address = email.normalised();
        let local = address.rsplit_once('@').map_or(address.as_str(), |(local, _)| local);
        let is_address = lower.contains(&address) || (local.len() >= 4 && lower.contains(local));
        if is_address || lower.contains("annals") {
            return Err(WeakPassword::Guessable);
        }
        Ok(Self(text))
    }

    /// Takes a password that somebody claims to have chosen before; `None` where no password can
    /// be that long.
    #[must_use]
    pub fn presented(text: &str) -> Option<Self> {
        let text: String = text.nfc().take(129).collect();
        (text.chars().count() <= 128).then_some(Self(text))
    }

    /// The bytes to hash.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

/// Never shows the password: debug output ends in logs.
impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(..)")
    }
}

impl From<WeakPassword> for Rejection {
    fn from(error: WeakPassword) -> Self {
        Self::new(Kind::Invalid, "weak_password", error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Password, WeakPassword};
    use crate::testing::email;

    fn choose(text: &str) -> Result<Password, WeakPassword> {
        Password::choose(text, &email("ada.lovelace@example.org"), 8)
    }

    #[test]
    fn a_long_enough_password_needs_no_composition() {
        let outcome = choose("correct horse");

        assert!(outcome.is_ok());
    }

    #[test]
    fn a_password_shorter_than_the_minimum_is_refused() {
        let outcome = choose("sevench");

        assert_eq!(outcome, Err(WeakPassword::TooShort(8)));
    }

    #[test]
    fn length_counts_characters_not_bytes() {
        let outcome = choose("\u{1f980}\u{1f980}\u{1f980}\u{1f980}");

        assert_eq!(outcome, Err(WeakPassword::TooShort(8)));
    }

    #[test]
    fn a_password_of_128_characters_is_taken() {
        let outcome = choose(&"a".repeat(128));

        assert!(outcome.is_ok());
    }

    #[test]
    fn a_password_of_129_characters_is_refused() {
        let outcome = choose(&"a".repeat(129));

        assert_eq!(outcome, Err(WeakPassword::TooLong));
    }

    #[test]
    fn a_common_password_is_refused_in_any_case() {
        let outcome = choose("PassWord123");

        assert_eq!(outcome, Err(WeakPassword::Common));
    }

    #[test]
    fn a_password_with_the_name_of_the_service_is_refused() {
        let outcome = choose("my-Annals-2026");

        assert_eq!(outcome, Err(WeakPassword::Guessable));
    }

    #[test]
    fn a_password_with_ones_own_address_is_refused() {
        let outcome = choose("Ada.Lovelace!");

        assert_eq!(outcome, Err(WeakPassword::Guessable));
    }

    #[test]
    fn a_password_with_a_whole_address_is_refused_however_short_it_is() {
        let outcome = Password::choose("it is Ada@example.org", &email("ada@example.org"), 8);

        assert_eq!(outcome, Err(WeakPassword::Guessable));
    }

    #[test]
    fn a_very_short_local_part_may_occur_in_a_password() {
        let outcome = Password::choose("adamant canoe", &email("ada@example.org"), 8);

        assert!(outcome.is_ok());
    }

    #[test]
    fn a_password_is_recognised_in_another_unicode_spelling() {
        let chosen = choose(&"\u{e9}".repeat(128)).unwrap();

        let presented = Password::presented(&"e\u{301}".repeat(128));

        assert_eq!(presented, Some(chosen));
    }

    #[test]
    fn no_password_is_as_long_as_129_characters() {
        let presented = Password::presented(&"e\u{301}".repeat(129));

        assert_eq!(presented, None);
    }

    #[test]
    fn debug_output_does_not_show_the_password() {
        let password = choose("correct horse").unwrap();

        assert_eq!(format!("{password:?}"), "Password(..)");
    }

    proptest! {
        #[test]
        fn any_chosen_password_is_recognised_when_presented(
            text in "\\PC{0,140}",
            minimum in 0..20_usize,
        ) {
            let Ok(chosen) = Password::choose(&text, &email("ada@example.org"), minimum) else {
                return Ok(());
            };

            prop_assert_eq!(Password::presented(&text), Some(chosen));
        }

        #[test]
        fn any_text_can_be_presented(text in any::<String>()) {
            let _ = Password::presented(&text);
        }
    }
}
