//! Shapes that many answers share.

use serde::Serialize;
use utoipa::{IntoResponses, ToSchema};

use crate::problem::ProblemBody;

/// Both forms that clients of settings read: the fields under `data`, and beside it.
#[derive(Serialize, ToSchema)]
pub(crate) struct Envelope<T> {
    success: bool,
    message: &'static str,
    data: T,
    #[serde(flatten)]
    fields: T,
}

impl<T: Clone> Envelope<T> {
    pub(crate) fn new(message: &'static str, data: T) -> Self {
        Self { success: true, message, fields: data.clone(), data }
    }
}

/// Data with a word that it went well.
#[derive(Serialize, ToSchema)]
#[expect(clippy::struct_field_names, reason = "the names are those of the API")]
pub(crate) struct Data<T> {
    success: bool,
    message: &'static str,
    data: T,
}

impl<T> Data<T> {
    pub(crate) fn new(message: &'static str, data: T) -> Self {
        Self { success: true, message, data }
    }
}

/// A sentence.
#[derive(Serialize, ToSchema)]
pub(crate) struct Message {
    /// What happened.
    pub message: &'static str,
}

/// A sentence, and that it went well.
#[derive(Serialize, ToSchema)]
pub(crate) struct Success {
    success: bool,
    message: &'static str,
}

impl Success {
    pub(crate) fn new(message: &'static str) -> Self {
        Self { success: true, message }
    }
}

/// What any request may be answered instead.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "it documents; answers are made from Problem")]
pub(crate) enum Problems {
    /// The body is not JSON.
    #[response(status = 400, content_type = "application/problem+json")]
    Malformed(ProblemBody<'static>),
    /// The input breaks a rule; `errors` says which part.
    #[response(status = 422, content_type = "application/problem+json")]
    Invalid(ProblemBody<'static>),
    /// Too often; come back after `Retry-After` seconds.
    #[response(status = 429, content_type = "application/problem+json")]
    TooMany(ProblemBody<'static>),
    /// Something we need does not answer; come back after `Retry-After` seconds.
    #[response(status = 503, content_type = "application/problem+json")]
    Unavailable(ProblemBody<'static>),
}

/// What a request that needs a caller may be answered instead.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "it documents; answers are made from Problem")]
pub(crate) enum CallerProblems {
    /// Nobody said who they are, or the credential is not valid.
    #[response(status = 401, content_type = "application/problem+json")]
    Unauthenticated(ProblemBody<'static>),
    /// The caller may not do this.
    #[response(status = 403, content_type = "application/problem+json")]
    Forbidden(ProblemBody<'static>),
    /// There is no such thing, or not for this caller.
    #[response(status = 404, content_type = "application/problem+json")]
    Missing(ProblemBody<'static>),
    /// It contradicts what is already so.
    #[response(status = 409, content_type = "application/problem+json")]
    Conflict(ProblemBody<'static>),
}
