//! Why a model gave no answer, read out of statuses and the providers' error objects.

use std::{fmt, time::Duration};

use reqwest::StatusCode;
use serde_json::Value;

/// The longest part of a provider's own explanation that is passed on, in characters.
const EXPLANATION: usize = 500;

/// Why a model gave no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelError {
    /// What went wrong.
    pub kind: ModelErrorKind,
    /// A sentence that may be shown: it holds no keys and no addresses.
    pub detail: String,
    /// How long the provider wants to be left alone.
    pub retry_after: Option<Duration>,
}

/// What went wrong with a model call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ModelErrorKind {
    /// The request is wrong; asking again does not help.
    Refused,
    /// The server's account or key is not good for this.
    Unauthorised,
    /// Too many requests.
    RateLimited,
    /// The provider has too much to do.
    Overloaded,
    /// The provider is down or too slow.
    Unavailable,
    /// What the provider answered made no sense.
    Garbled,
}

impl ModelErrorKind {
    /// Whether asking once more may help.
    pub(super) const fn is_passing(self) -> bool {
        match self {
            Self::RateLimited | Self::Overloaded | Self::Unavailable => true,
            Self::Refused | Self::Unauthorised | Self::Garbled => false,
        }
    }

    const fn sentence(self) -> &'static str {
        match self {
            Self::Refused => "refused the request",
            Self::Unauthorised => "does not accept this server's account",
            Self::RateLimited => "takes no more requests for now",
            Self::Overloaded => "is overloaded",
            Self::Unavailable => "is not available",
            Self::Garbled => "gave an answer that makes no sense",
        }
    }

    fn of_status(status: StatusCode) -> Self {
        match status.as_u16() {
            401..=403 => Self::Unauthorised,
            429 => Self::RateLimited,
            503 | 529 => Self::Overloaded,
            408 | 409 | 500..=599 => Self::Unavailable,
            400..=499 => Self::Refused,
            _ => Self::Garbled,
        }
    }

    /// The word that an error inside a stream carries as its type or code.
    fn of_word(word: &str) -> Option<Self> {
        match word {
            "authentication_error"
            | "permission_error"
            | "billing_error"
            | "invalid_api_key"
            | "insufficient_quota" => Some(Self::Unauthorised),
            "rate_limit_error" | "rate_limit_exceeded" => Some(Self::RateLimited),
            "overloaded_error" | "overloaded" => Some(Self::Overloaded),
            "invalid_request_error"
            | "not_found_error"
            | "request_too_large"
            | "context_length_exceeded" => Some(Self::Refused),
            _ => None,
        }
    }
}

impl ModelError {
    pub(super) fn new(kind: ModelErrorKind, explanation: &str) -> Self {
        let detail = match explanation {
            "" => kind.sentence().to_owned(),
            explanation => format!("{}: {explanation}", kind.sentence()),
        };
        Self { kind, detail, retry_after: None }
    }

    /// What is ours of the detail, and what the provider added.
    pub(crate) fn split(self) -> (String, Option<String>) {
        let sentence = self.kind.sentence();
        match self.detail.split_once(sentence) {
            Some((name, added)) => {
                (format!("{name}{sentence}"), added.strip_prefix(": ").map(str::to_owned))
            }
            None => (sentence.to_owned(), Some(self.detail)),
        }
    }

    pub(super) fn garbled(explanation: &str) -> Self {
        Self::new(ModelErrorKind::Garbled, explanation)
    }

    pub(super) fn unavailable(explanation: &str) -> Self {
        Self::new(ModelErrorKind::Unavailable, explanation)
    }

    /// An answer whose status says that there is none.
    pub(super) fn of_status(status: StatusCode, body: &[u8]) -> Self {
        let body: Value = serde_json::from_slice(body).unwrap_or_default();
        let kind = ModelErrorKind::of_status(status);
        let explanation = explanation(body.get("error").unwrap_or(&body));
        Self::explained(kind, &explanation.unwrap_or_else(|| format!("status {}", status.as_u16())))
    }

    /// An error object where an answer was expected.
    pub(super) fn in_answer(error: &Value) -> Self {
        let status = [error.get("code"), error.get("status")]
            .into_iter()
            .flatten()
            .filter_map(Value::as_u64)
            .find_map(|code| StatusCode::from_u16(u16::try_from(code).ok()?).ok());
        let kind = [error.get("code"), error.get("type")]
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .find_map(ModelErrorKind::of_word)
            .or(status.map(ModelErrorKind::of_status))
            .unwrap_or(ModelErrorKind::Unavailable);
        Self::explained(kind, &explanation(error).unwrap_or_default())
    }

    /// What a provider says of a key may quote it, so that is kept back.
    fn explained(kind: ModelErrorKind, explanation: &str) -> Self {
        match kind {
            ModelErrorKind::Unauthorised => Self::new(kind, ""),
            ModelErrorKind::Refused
            | ModelErrorKind::RateLimited
            | ModelErrorKind::Overloaded
            | ModelErrorKind::Unavailable
            | ModelErrorKind::Garbled => Self::new(kind, explanation),
        }
    }
}

fn explanation(error: &Value) -> Option<String> {
    let text = error.get("message").or(error.get("detail")).unwrap_or(error).as_str()?;
    Some(text.chars().take(EXPLANATION).collect())
}

impl fmt::Display for ModelError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.detail)
    }
}

impl std::error::Error for ModelError {}
