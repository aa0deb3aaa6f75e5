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
        if lower.contains("annals") || (local.len() >= 4 && lower.contains(local)) {
            return Err(WeakPassword::Guessable);
        }
        Ok(Self(text))
    }

    /// Takes a password that somebody claims to have chosen before; `None` where no password can
    /// be that long.
    #[must_use]
    pub fn presented(text: &str) -> Option<Self> {
        let text: String = text.chars().take(129).nfc().collect();
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
