//! The one form in which every refusal of the domain leaves it.

/// A refusal: what kind of mistake, a stable code, and a sentence for the person who made it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{detail}")]
pub struct Rejection {
    /// Decides the status of the answer.
    pub kind: Kind,
    /// A stable word for programs.
    pub code: &'static str,
    /// A lower-case sentence without a full stop.
    pub detail: String,
}

/// What kind of mistake a refusal answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The input breaks a rule of its own.
    Invalid,
    /// The caller is not who they say they are.
    Unauthenticated,
    /// The caller may not do this.
    Forbidden,
    /// There is no such thing, or not for this caller.
    Missing,
    /// It contradicts what is already so.
    Conflict,
    /// It contradicts what will not be so for long: another try may do better.
    Busy,
    /// Too often.
    Limited,
}

impl Rejection {
    /// Puts a refusal together.
    pub fn new(kind: Kind, code: &'static str, detail: impl Into<String>) -> Self {
        Self { kind, code, detail: detail.into() }
    }
}
