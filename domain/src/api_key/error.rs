//! Why a command to a key was refused.

use crate::{Kind, Rejection};

/// Why a command to a key was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The id is taken.
    #[error("this key exists already")]
    AlreadyCreated,
    /// There is no such key, or it is somebody else's.
    #[error("there is no such API key")]
    NotFound,
    /// An expiry in the past.
    #[error("an API key must expire in the future")]
    Expired,
    /// It is useless for good.
    #[error("this API key was revoked; make another one")]
    Revoked,
    /// It opens nothing at present.
    #[error("this API key is not active; activate it first")]
    Inactive,
}

impl From<Error> for Rejection {
    fn from(error: Error) -> Self {
        let (kind, code) = match error {
            Error::AlreadyCreated => (Kind::Conflict, "already_created"),
            Error::NotFound => (Kind::Missing, "not_found"),
            Error::Expired => (Kind::Invalid, "invalid_expiry"),
            Error::Revoked => (Kind::Conflict, "api_key_revoked"),
            Error::Inactive => (Kind::Conflict, "api_key_inactive"),
        };
        Self::new(kind, code, error.to_string())
    }
}
