//! What is true of an account whether or not it may act.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Error, Event};
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
