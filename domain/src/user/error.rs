//! Why a command to an account was refused.

use crate::{Kind, Rejection};

/// Why a command to an account was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The id is taken.
    #[error("this account exists already")]
    AlreadyRegistered,
    /// Another account holds the address.
    #[error("an account with this e-mail address exists already")]
    EmailTaken,
    /// Nothing is left to prove.
    #[error("this address is verified already")]
    AlreadyVerified,
    /// The link was used, replaced or is too old.
    #[error("this link is no longer good; ask for a new one")]
    StaleChallenge,
    /// The address is theirs already.
    #[error("this is your e-mail address already")]
    SameEmail,
    /// The case is unknown or settled.
    #[error("there is no such open case")]
    NoCase,
    /// A step of an erasure that nobody asked for.
    #[error("nobody asked to erase this account")]
    NotLeaving,
    /// There is no such account, or it may not act.
    #[error("there is no such account")]
    NotFound,
}

impl From<Error> for Rejection {
    fn from(error: Error) -> Self {
        let (kind, code) = match error {
            Error::AlreadyRegistered => (Kind::Conflict, "already_registered"),
            Error::EmailTaken => (Kind::Conflict, "email_taken"),
            Error::AlreadyVerified => (Kind::Conflict, "already_verified"),
            Error::StaleChallenge => (Kind::Invalid, "invalid_token"),
            Error::SameEmail => (Kind::Conflict, "same_email"),
            Error::NotLeaving => (Kind::Conflict, "not_leaving"),
            Error::NoCase | Error::NotFound => (Kind::Missing, "not_found"),
        };
        Self::new(kind, code, error.to_string())
    }
}
