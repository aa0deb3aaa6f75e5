//! The limits by name, and how much of each an operator allows.

use std::{fmt, str::FromStr};

use super::Quota;

/// Something that may only be done so often.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Limit {
    /// Accounts opened from one network.
    Registration,
    /// Attempts to sign in from one network; those that succeed are given back.
    SignInNetwork,
    /// Attempts to sign in to one account, from devices that it does not know.
    SignInAccount,
    /// Attempts to sign in to one account from one device that signed in to it before.
    SignInDevice,
    /// Mails that one mailbox is sent because somebody asked for them.
    Mail,
    /// Links that one network has mailed.
    Link,
}

/// How often what may be done; none means no limit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rates([Option<Quota>; Limit::ALL.len()]);

/// A part of a list of rates that nobody understands.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?}: limits are name=count/seconds or name=off, the names are {names}", names = names())]
pub struct InvalidRates(String);

impl Limit {
    /// All limits.
    pub const ALL: [Self; 6] = [
        Self::Registration,
        Self::SignInNetwork,
        Self::SignInAccount,
        Self::SignInDevice,
        Self::Mail,
        Self::Link,
    ];

    /// What operators and clients call it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Registration => "registration",
            Self::SignInNetwork => "sign-in-network",
            Self::SignInAccount => "sign-in-account",
            Self::SignInDevice => "sign-in-device",
            Self::Mail => "mail",
            Self::Link => "link",
        }
    }

    /// What holds where nobody says otherwise.
    #[must_use]
    pub const fn usual(self) -> Quota {
        match self {
            Self::Registration => Quota::each(20, 3600),
            Self::SignInNetwork => Quota::each(100, 900),
            Self::SignInAccount | Self::SignInDevice => Quota::each(10, 900),
            Self::Mail => Quota::each(5, 3600),
            Self::Link => Quota::each(60, 3600),
        }
    }

    /// The limit that operators call `name`.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|limit| limit.name() == name)
    }
}

impl Rates {
    /// How often something may be done.
    #[must_use]
    pub fn of(&self, limit: Limit) -> Option<Quota> {
        self.0[limit as usize]
    }

    /// The same with another quota.
    #[must_use]
    pub fn with(mut self, limit: Limit, quota: Option<Quota>) -> Self {
        self.0[limit as usize] = quota;
        self
    }
}

impl Default for Rates {
    fn default() -> Self {
        Self(Limit::ALL.map(|limit| Some(limit.usual())))
    }
}

/// Those that are named, the others as usual.
impl FromStr for Rates {
    type Err = InvalidRates;

    fn from_str(text: &str) -> Result<Self, InvalidRates> {
        let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
        parts.into_iter().try_fold(Self::default(), |rates, part| {
            let invalid = || InvalidRates(part.to_owned());
            let (name, quota) = part.split_once('=').ok_or_else(invalid)?;
            let limit = Limit::named(name.trim()).ok_or_else(invalid)?;
            let quota = match quota.trim() {
                "off" => None,
                quota => Some(quota.parse().map_err(|_| invalid())?),
            };
            Ok(rates.with(limit, quota))
        })
    }
}

impl fmt::Display for Rates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, limit) in Limit::ALL.into_iter().enumerate() {
            let comma = if number == 0 { "" } else { "," };
            match self.of(limit) {
                Some(quota) => write!(f, "{comma}{}={quota}", limit.name())?,
                None => write!(f, "{comma}{}=off", limit.name())?,
            }
        }
        Ok(())
    }
}

fn names() -> String {
    Limit::ALL.map(Limit::name).join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_named_is_set_and_the_rest_is_as_usual() {
        let rates: Rates = " mail=off, registration=7/60 ".parse().unwrap();

        assert_eq!(rates.of(Limit::Mail), None);
        assert_eq!(rates.of(Limit::Registration), Some(Quota::each(7, 60)));
        assert_eq!("".parse(), Ok(Rates::default()));
    }

    #[test]
    fn rates_read_back_what_they_show() {
        let rates = Rates::default().with(Limit::Mail, None);

        assert_eq!(rates.to_string().parse(), Ok(rates));
    }

    #[test]
    fn a_limit_that_is_not_understood_is_refused() {
        for wrong in ["mail", "mail=", "mail=5", "post=5/60", "mail=5/0"] {
            assert!(wrong.parse::<Rates>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn limits_stand_in_the_order_of_their_numbers() {
        for (number, limit) in Limit::ALL.into_iter().enumerate() {
            assert_eq!(limit as usize, number);
        }
    }
}
