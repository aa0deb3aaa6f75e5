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
    /// The events of the stream still cannot be taken in.
    #[error("it fails again: {0}")]
    FailsAgain(String),
}
