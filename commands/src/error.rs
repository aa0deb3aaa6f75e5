//! Why a command did not happen.

use domain::{Kind, Rejection};
use eventlog::AppendError;

use crate::Standing;

/// Why a command did not happen: the caller's mistake or ours.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A rule refused it.
    #[error(transparent)]
    Rejected(#[from] Rejection),
    /// Too often.
    #[error("{0}")]
    Limited(Standing),
    /// The log cannot be reached at present; nothing was written.
    #[error("the log cannot be reached")]
    Unavailable(#[source] anyhow::Error),
    /// So much is asked for that this had to be left undone; nothing was written.
    #[error("too much is going on at present")]
    Overloaded,
    /// Our own fault.
    #[error(transparent)]
    Internal(#[from] anyhow::Error),
}

impl Error {
    /// Answers alike whether the account is unknown or the password wrong (ASVS 5.0, 6.3.8).
    pub(crate) fn bad_credentials() -> Self {
        Rejection::new(
            Kind::Unauthenticated,
            "invalid_credentials",
            "the e-mail address or the password is wrong",
        )
        .into()
    }

    pub(crate) fn unauthenticated() -> Self {
        Rejection::new(
            Kind::Unauthenticated,
            "invalid_token",
            "this credential is not valid; sign in or use a valid API key",
        )
        .into()
    }

    pub(crate) fn missing(what: &str) -> Self {
        Rejection::new(Kind::Missing, "not_found", format!("there is no such {what}")).into()
    }
}

impl From<AppendError> for Error {
    fn from(error: AppendError) -> Self {
        let (code, detail) = match &error {
            AppendError::StreamMoved => ("busy", "others are changing this too; try again".into()),
            AppendError::Claimed(scope) => ("taken", format!("this {} is taken", scope.name())),
            AppendError::CommandReused => ("idempotency_key_reused", error.to_string()),
            AppendError::Gone(_) | AppendError::Unavailable(_) => ("", String::new()),
        };
        match error {
            // Whoever still acts for somebody who was erased does so with a credential that is dead.
            AppendError::Gone(_) => Self::unauthenticated(),
            AppendError::Unavailable(error) => Self::Unavailable(error),
            AppendError::StreamMoved => Rejection::new(Kind::Busy, code, detail).into(),
            AppendError::Claimed(_) | AppendError::CommandReused => {
                Rejection::new(Kind::Conflict, code, detail).into()
            }
        }
    }
}
