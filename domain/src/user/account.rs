//! What is true of an account whether or not it may act.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{EmailChange, Error, Event, Former, Profile, Replaced, Undone};
use crate::{Email, Personal, Text};

/// What is true of an account whether or not it may act.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Account {
    /// Where mail goes.
    pub email: Personal<Email>,
    /// What to call the person.
    pub name: Option<Personal<Text>>,
    /// What the person may do.
    pub role: Role,
    /// Whether the person has shown that the mailbox is theirs.
    pub verification: Verification,
    /// When the account was opened.
    pub registered_at: DateTime<Utc>,
    /// What the person tells of themselves.
    pub profile: Profile,
    /// The name of the hash of the password, which stands beside the events; none where there is no
    /// password. The first one is called nil.
    pub password: Option<Uuid>,
    /// Passwords that were replaced.
    pub replaced: Vec<Replaced>,
    /// Grows whenever all sessions that began before have to end.
    pub era: u32,
    /// A link to choose another password that waits.
    pub reset: Option<Challenge>,
    /// A link to sign in that waits.
    pub magic_link: Option<Challenge>,
    /// A move to another address that waits.
    pub email_change: Option<EmailChange>,
    /// Addresses that were left and are kept.
    pub former: Vec<Former>,
    /// What was undone last.
    pub undone: Option<Undone>,
    /// What waits for an administrator.
    pub cases: Vec<Uuid>,
}

/// Whether a mailbox is known to be the account holder's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Verification {
    /// Nobody was asked yet.
    Unasked,
    /// A link was sent.
    Pending(Challenge),
    /// The link was followed.
    Verified,
}

/// A question whose answer travels by mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Challenge {
    /// Tells one question from the next; an answer to an older one is refused.
    pub id: Uuid,
    /// When it stops being good.
    pub expires_at: DateTime<Utc>,
}

/// What a person may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Role {
    /// Their own things.
    User,
    /// Everybody's things.
    Admin,
    /// Everybody's things, and who is an administrator.
    Superuser,
}

impl Role {
    /// The word that tokens and answers carry.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::User => "USER",
            Self::Admin => "ADMIN",
            Self::Superuser => "SUPERUSER",
        }
    }

    /// Whether the role opens the admin area.
    #[must_use]
    pub const fn is_admin(self) -> bool {
        match self {
            Self::User => false,
            Self::Admin | Self::Superuser => true,
        }
    }
}

impl Account {
    /// As it is opened.
    pub(super) fn new(
        email: Personal<Email>,
        name: Option<Personal<Text>>,
        role: Role,
        registered_at: DateTime<Utc>,
    ) -> Self {
        Self {
            email,
            name,
            role,
            verification: Verification::Unasked,
            registered_at,
            profile: Profile::default(),
            password: Some(Uuid::nil()),
            replaced: vec![],
            era: 0,
            reset: None,
            magic_link: None,
            email_change: None,
            former: vec![],
            undone: None,
            cases: vec![],
        }
    }

    /// Whether the mailbox is known to be the person's.
    #[must_use]
    pub fn is_verified(&self) -> bool {
        self.verification == Verification::Verified
    }

    pub(super) fn may_be_asked(&self) -> Result<(), Error> {
        match self.verification {
            Verification::Verified => Err(Error::AlreadyVerified),
            Verification::Unasked | Verification::Pending(_) => Ok(()),
        }
    }

    pub(super) fn verify(&self, answered: Uuid, at: DateTime<Utc>) -> Result<Vec<Event>, Error> {
        match self.verification {
            Verification::Pending(asked) if asked.id == answered && at < asked.expires_at => {
                Ok(vec![Event::EmailVerified { challenge: Some(answered) }])
            }
            Verification::Unasked | Verification::Pending(_) | Verification::Verified => {
                Err(Error::StaleChallenge)
            }
        }
    }
}
