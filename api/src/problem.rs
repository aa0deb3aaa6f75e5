//! Every answer that is not what was asked for: RFC 9457, in a shape that all clients can read.

use std::borrow::Cow;

use axum::{
    http::{HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use commands::Standing;
use domain::{Kind, Rejection};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{context, limit};

/// What went wrong with a request.
#[derive(Debug)]
pub struct Problem {
    pub(crate) status: StatusCode,
    pub(crate) code: &'static str,
    pub(crate) detail: Cow<'static, str>,
    pub(crate) errors: Vec<FieldError>,
    pub(crate) retry_after: Option<u32>,
    /// The limit that was reached.
    pub(crate) standing: Option<Standing>,
    /// Whether a client that repeats requests by itself must not repeat this one.
    pub(crate) is_final: bool,
    /// Whether nothing of the request goes on, so that it may be done anew under the same key.
    pub(crate) is_over: bool,
}

/// Marks an answer after which its request may be done anew under the same key.
#[derive(Clone, Copy)]
pub(crate) struct Afresh;

/// What is wrong with one part of a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct FieldError {
    /// JSON pointer into the body (RFC 6901), or a parameter of the address.
    pub pointer: String,
    /// What is wrong with it.
    pub detail: String,
}

/// The body of a problem.
#[derive(Serialize, ToSchema)]
#[schema(as = Problem)]
pub(crate) struct ProblemBody<'a> {
    /// A name for this kind of problem.
    r#type: String,
    /// The status in words.
    title: &'a str,
    /// The status.
    status: u16,
    /// What is wrong, in a sentence.
    detail: &'a str,
    /// A stable word for programs.
    code: &'a str,
    /// The same sentence.
    message: &'a str,
    /// What to quote when asking for help.
    request_id: String,
    /// The same once more, where clients of model providers look for it.
    error: ErrorBody<'a>,
    /// Field by field, when the input is to blame.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    errors: &'a [FieldError],
}

/// A problem in the form of the `OpenAI` dialect.
#[derive(Clone, Serialize, ToSchema)]
pub(crate) struct ErrorBody<'a> {
    message: &'a str,
    r#type: &'static str,
    code: &'a str,
}

impl Problem {
    pub(crate) fn new(
        status: StatusCode,
        code: &'static str,
        detail: impl Into<Cow<'static, str>>,
    ) -> Self {
        let (detail, errors) = (detail.into(), vec![]);
        Self {
            status,
            code,
            detail,
            errors,
            retry_after: None,
            standing: None,
            is_final: false,
            is_over: false,
        }
    }

    /// One part of the input breaks a rule.
    pub(crate) fn invalid(pointer: impl Into<String>, detail: impl Into<String>) -> Self {
        let error = FieldError { pointer: pointer.into(), detail: detail.into() };
        Self::fields(vec![error])
    }

    /// Some parts of the input break rules.
    pub(crate) fn fields(errors: Vec<FieldError>) -> Self {
        let told: Vec<String> = errors.iter().map(FieldError::to_sentence).collect();
        let detail = told.join("; ");
        Self { errors, ..Self::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid_input", detail) }
    }

    /// Nobody said who they are.
    pub(crate) fn anonymous() -> Self {
        let detail = "sign in, or send an API key as Authorization: Bearer or X-API-Key";
        Self::new(StatusCode::UNAUTHORIZED, "authentication_required", detail)
    }

    /// The caller is no administrator.
    pub(crate) fn not_admin() -> Self {
        let detail = "this is for administrators";
        Self::new(StatusCode::FORBIDDEN, "admin_required", detail)
    }

    /// There is no such thing, or not for this caller.
    pub(crate) fn missing(what: &str) -> Self {
        let detail = format!("there is no such {what}");
        Self::new(StatusCode::NOT_FOUND, "not_found", detail)
    }

    /// Something we need does not answer at present.
    pub(crate) fn unavailable(detail: impl Into<Cow<'static, str>>) -> Self {
        let problem = Self::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", detail);
        Self { retry_after: Some(1), ..problem }
    }

    /// Too often; when to come back follows from the limit.
    pub(crate) fn limited(standing: Standing) -> Self {
        let detail = standing.to_string();
        let problem = Self::new(StatusCode::TOO_MANY_REQUESTS, "too_many_attempts", detail);
        Self { retry_after: standing.retry_after, standing: Some(standing), ..problem }
    }

    /// Our own fault; what it was is in the log, under the request's id.
    pub(crate) fn internal() -> Self {
        let detail = "something went wrong on our side; quote the request id when you report it";
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", detail)
    }

    /// Says which field a refusal is about.
    pub(crate) fn at(mut self, pointer: &str) -> Self {
        if self.status == StatusCode::UNPROCESSABLE_ENTITY {
            let detail = self.detail.clone().into_owned();
            self.errors = vec![FieldError { pointer: pointer.to_owned(), detail }];
        }
        self
    }

    /// The part that clients of model providers read.
    pub(crate) fn error(&self) -> ErrorBody<'_> {
        ErrorBody { message: &self.detail, r#type: error_type(self.status), code: self.code }
    }

    fn body(&self) -> ProblemBody<'_> {
        ProblemBody {
            r#type: format!("urn:annals:problem:{}", self.code),
            title: self.status.canonical_reason().unwrap_or("Error"),
            status: self.status.as_u16(),
            detail: &self.detail,
            code: self.code,
            message: &self.detail,
            request_id: context::request_id(),
            error: self.error(),
            errors: &self.errors,
        }
    }
}

impl FieldError {
    fn to_sentence(&self) -> String {
        if self.pointer.is_empty() {
            return self.detail.clone();
        }
        format!("{}: {}", self.pointer.trim_start_matches('/'), self.detail)
    }
}

impl From<Rejection> for Problem {
    fn from(rejection: Rejection) -> Self {
        let Rejection { kind, code, detail } = rejection;
        match kind {
            Kind::Invalid => Self::new(StatusCode::UNPROCESSABLE_ENTITY, code, detail).at(""),
            Kind::Unauthenticated => Self::new(StatusCode::UNAUTHORIZED, code, detail),
            Kind::Forbidden => Self::new(StatusCode::FORBIDDEN, code, detail),
            Kind::Missing => Self::new(StatusCode::NOT_FOUND, code, detail),
            Kind::Conflict => Self::new(StatusCode::CONFLICT, code, detail),
            Kind::Busy => {
                let problem = Self::new(StatusCode::CONFLICT, code, detail);
                Self { retry_after: Some(1), ..problem }
            }
            Kind::Limited => {
                let problem = Self::new(StatusCode::TOO_MANY_REQUESTS, code, detail);
                Self { retry_after: Some(60), ..problem }
            }
        }
    }
}

impl From<commands::Error> for Problem {
    fn from(error: commands::Error) -> Self {
        match error {
            commands::Error::Rejected(rejection) => rejection.into(),
            commands::Error::Limited(standing) => Self::limited(standing),
            commands::Error::Unavailable(error) => {
                tracing::error!(error = format!("{error:#}"), "the log cannot be reached");
                Self::unavailable("the service cannot reach its log at present; nothing was done")
            }
            commands::Error::Overloaded => {
                Self::unavailable("too much is going on at present; nothing was done")
            }
            commands::Error::Internal(error) => {
                tracing::error!(error = format!("{error:#}"), "a command failed");
                Self::internal()
            }
        }
    }
}

/// Read models fail only when their database does.
impl From<anyhow::Error> for Problem {
    fn from(error: anyhow::Error) -> Self {
        tracing::error!(error = format!("{error:#}"), "a query failed");
        Self::unavailable("the service cannot read its data at present")
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let body = serde_json::to_vec(&self.body()).unwrap_or_default();
        let mut response = (self.status, body).into_response();
        let headers = response.headers_mut();
        let json = HeaderValue::from_static("application/problem+json");
        headers.insert(header::CONTENT_TYPE, json);
        if let Some(seconds) = self.retry_after {
            headers.insert(header::RETRY_AFTER, seconds.into());
        }
        if let Some(standing) = &self.standing {
            limit::describe(headers, standing);
        }
        if self.status == StatusCode::UNAUTHORIZED {
            let challenge = HeaderValue::from_static("Bearer realm=\"annals\"");
            headers.insert(header::WWW_AUTHENTICATE, challenge);
        }
        if self.is_final {
            let name = HeaderName::from_static("x-should-retry");
            headers.insert(name, HeaderValue::from_static("false"));
        }
        if self.is_over {
            response.extensions_mut().insert(Afresh);
        }
        response
    }
}

fn error_type(status: StatusCode) -> &'static str {
    match status.as_u16() {
        401 => "authentication_error",
        402 => "insufficient_quota",
        403 => "permission_error",
        404 => "not_found_error",
        429 => "rate_limit_error",
        503 => "overloaded_error",
        500.. => "api_error",
        _ => "invalid_request_error",
    }
}

#[cfg(test)]
mod tests;
