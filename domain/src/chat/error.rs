//! Why a command to a conversation was refused.

use crate::{Kind, Rejection};

/// Why a command to a conversation was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The id is taken.
    #[error("this session exists already")]
    AlreadyOpen,
    /// There is no such conversation, or it is somebody else's.
    #[error("there is no such chat session")]
    NotFound,
    /// One run at a time.
    #[error("another run of this session goes on; wait for it or cancel it")]
    Busy,
    /// There is no such run.
    #[error("there is no such run")]
    RunNotFound,
    /// The run ended, or another process drives it.
    #[error("this run has ended or is driven elsewhere")]
    NotDriving,
    /// 1 to 10.
    #[error("max_iterations must be from 1 to 10")]
    Iterations,
    /// Nothing was said.
    #[error("messages must not be empty")]
    NoMessages,
}

impl From<Error> for Rejection {
    fn from(error: Error) -> Self {
        let (kind, code) = match error {
            Error::AlreadyOpen => (Kind::Conflict, "already_open"),
            Error::NotFound | Error::RunNotFound => (Kind::Missing, "not_found"),
            Error::Busy => (Kind::Busy, "session_busy"),
            Error::NotDriving => (Kind::Conflict, "run_not_driven_here"),
            Error::Iterations => (Kind::Invalid, "invalid_max_iterations"),
            Error::NoMessages => (Kind::Invalid, "no_messages"),
        };
        Self::new(kind, code, error.to_string())
    }
}
