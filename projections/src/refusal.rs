//! Why something that an operator asked of a projection was not done.

use uuid::Uuid;

/// Why something that an operator asked of a projection was not done.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// No projection has this name.
    #[error("there is no projection {0}")]
    Unknown(String),
    /// The stream is not left out.
    #[error("{projection} has not parked the stream {stream}")]
    NotParked {
        /// The projection.
        projection: &'static str,
        /// The stream.
        stream: Uuid,
    },
    /// Another process makes its tables anew.
    #[error("{0} is being rebuilt already")]
    Rebuilding(&'static str),
    /// It has no such version beside the live one.
    #[error("{0} has no {1} version")]
    NoVersion(&'static str, &'static str),
    /// The version cannot be live: a migration or a restore has come between.
    #[error("the {1} version of {0} fits neither the log nor the tables of today; rebuild it")]
    Unfit(&'static str, &'static str),
    /// The events of the stream still cannot be taken in.
    #[error("it fails again: {0}")]
    FailsAgain(String),
}
