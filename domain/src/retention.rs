//! Kinds of technical data, which need not be kept as long as the events that hold them.
//!
//! What an event says of this kind is sealed with the key of its person and of its month. Once the
//! key of a month is destroyed nobody reads it any more, and everything else stays: that something
//! happened, when, to whom, and what the rules need of it.

/// A kind of technical data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Retention {
    /// From where requests came, beside every event.
    Addresses,
    /// From where attempts to sign in came that were refused.
    FailedLogins,
    /// From where and with which program people signed in.
    Sessions,
}

impl Retention {
    /// All kinds.
    pub const ALL: [Self; 3] = [Self::Addresses, Self::FailedLogins, Self::Sessions];

    /// The kind of the sealed fields of the event called `name`; none where they are content.
    #[must_use]
    pub fn of_event(name: &str) -> Option<Self> {
        match name {
            "login.failed" | "login.refused" => Some(Self::FailedLogins),
            "session.started" => Some(Self::Sessions),
            _ => None,
        }
    }

    /// What operators call it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Addresses => "addresses",
            Self::FailedLogins => "failed_logins",
            Self::Sessions => "sessions",
        }
    }

    /// The kind that operators call `name`.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// What it is called in stored data: one letter, for it stands beside every event.
    #[must_use]
    pub const fn letter(self) -> char {
        match self {
            Self::Addresses => 'a',
            Self::FailedLogins => 'f',
            Self::Sessions => 's',
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::Retention;

    #[test]
    fn names_and_letters_tell_kinds_apart() {
        let names: HashSet<_> = Retention::ALL.map(Retention::name).into();
        let letters: HashSet<_> = Retention::ALL.map(Retention::letter).into();

        assert_eq!((names.len(), letters.len()), (3, 3));
        assert!(Retention::ALL.into_iter().all(|kind| Retention::named(kind.name()) == Some(kind)));
    }

    #[test]
    fn what_a_session_still_decides_by_is_no_technical_data() {
        assert_eq!(Retention::of_event("session.refreshed"), None);
        assert_eq!(Retention::of_event("session.started"), Some(Retention::Sessions));
    }
}
