//! Reading requests: what cannot be read is refused with the place of the mistake.

use std::time::Duration;

use axum::{
    Form,
    body::{Body, Bytes},
    extract::{
        DefaultBodyLimit, FromRequest, FromRequestParts, Request, rejection::BytesRejection,
    },
    http::{HeaderMap, StatusCode, header, request::Parts},
    response::{IntoResponse, Response},
};
use serde::{Serialize, de::DeserializeOwned};
use tokio::time::timeout;

use crate::{
    problem::{FieldError, Problem},
    router::MAX_CHAT_BODY,
};

/// How long a client may take to send a body.
const PATIENCE: Duration = Duration::from_secs(30);

/// A JSON body, read or written.
pub(crate) struct Json<T>(pub T);

/// A JSON body, or none.
pub(crate) struct IfAny<T>(pub Option<T>);

/// A JSON body, or the form that OAuth clients and browsers send.
pub(crate) struct JsonOrForm<T>(pub T);

/// Parameters in the path.
pub(crate) struct Path<T>(pub T);

/// Parameters behind the question mark.
pub(crate) struct Query<T>(pub T);

impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        axum::Json(self.0).into_response()
    }
}

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Json<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        if !is_json(request.headers()) {
            return Err(unsupported("application/json"));
        }
        Ok(Self(parse(&read(request, state).await?)?))
    }
}

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for IfAny<T> {
    type Rejection = Problem;

    /// Whoever does not say what the body is sends none.
    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        if content_type(request.headers()).is_none() {
            return Ok(Self(None));
        }
        Json::from_request(request, state).await.map(|json| Self(Some(json.0)))
    }
}

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for JsonOrForm<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let kind = content_type(request.headers());
        if !kind.is_some_and(|kind| kind.starts_with("application/x-www-form-urlencoded")) {
            return Json::from_request(request, state).await.map(|json| Self(json.0));
        }
        let form = timeout(PATIENCE, Form::from_request(request, state)).await;
        let form = form.map_err(|_| too_slow())?;
        let Form(value) = form.map_err(|error| match error.status() {
            StatusCode::PAYLOAD_TOO_LARGE => too_large(),
            _ => parameter(&error.body_text()),
        })?;
        Ok(Self(value))
    }
}

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Path<T> {
    type Rejection = Problem;

    /// What cannot be the name of anything names nothing.
    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let path = axum::extract::Path::from_request_parts(parts, state).await;
        let axum::extract::Path(value) = path.map_err(|_| Problem::missing("resource"))?;
        Ok(Self(value))
    }
}

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let query = axum::extract::Query::from_request_parts(parts, state).await;
        let axum::extract::Query(value) = query.map_err(|error| parameter(&error.body_text()))?;
        Ok(Self(value))
    }
}

/// All of a body that nobody has looked at yet.
pub(crate) async fn whole(body: Body) -> Result<Bytes, Problem> {
    let mut request = Request::new(body);
    DefaultBodyLimit::max(MAX_CHAT_BODY).apply(&mut request);
    read(request, &()).await
}

async fn read<S: Send + Sync>(request: Request, state: &S) -> Result<Bytes, Problem> {
    let body = timeout(PATIENCE, Bytes::from_request(request, state)).await;
    body.map_err(|_| too_slow())?.map_err(unreadable)
}

/// Reads JSON; a mistake in it has a position, a mistake in what it says has a pointer.
pub(crate) fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, Problem> {
    let mut deserializer = serde_json::Deserializer::from_slice(body);
    let value = serde_path_to_error::deserialize(&mut deserializer).map_err(|error| {
        let pointer = pointer(error.path());
        explain(&pointer, error.inner())
    })?;
    deserializer.end().map_err(|error| explain("", &error))?;
    Ok(value)
}

fn explain(pointer: &str, error: &serde_json::Error) -> Problem {
    if !error.is_data() {
        let detail = format!("the body is not valid JSON: {error}");
        return Problem::new(StatusCode::BAD_REQUEST, "invalid_json", detail);
    }
    let text = error.to_string();
    let text = text.rsplit_once(" at line ").map_or(text.as_str(), |(text, _)| text);
    let missing = text.strip_prefix("missing field `").and_then(|text| text.strip_suffix('`'));
    Problem::fields(vec![match missing {
        Some(name) => FieldError {
            pointer: format!("{pointer}/{name}"),
            detail: "this field is required".to_owned(),
        },
        None => FieldError { pointer: pointer.to_owned(), detail: text.to_owned() },
    }])
}

fn pointer(path: &serde_path_to_error::Path) -> String {
    use serde_path_to_error::Segment;

    path.iter()
        .filter_map(|segment| match segment {
            Segment::Seq { index } => Some(format!("/{index}")),
            Segment::Map { key } => Some(format!("/{}", key.replace('~', "~0").replace('/', "~1"))),
            Segment::Enum { .. } | Segment::Unknown => None,
        })
        .collect()
}

/// Finds the field in what is said of a query string or a form.
fn parameter(text: &str) -> Problem {
    let text = text.rsplit_once("Failed to deserialize ").map_or(text, |(_, text)| text);
    let text = text.split_once(": ").map_or(text, |(_, text)| text);
    let missing = text.strip_prefix("missing field `").and_then(|text| text.strip_suffix('`'));
    match (missing, text.split_once(": ")) {
        (Some(name), _) => Problem::invalid(format!("/{name}"), "this field is required"),
        (None, Some((name, detail))) if !name.contains(' ') => {
            Problem::invalid(format!("/{name}"), detail)
        }
        (None, _) => Problem::invalid("", text),
    }
}

fn content_type(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(header::CONTENT_TYPE)?.to_str().ok()?;
    Some(value.to_ascii_lowercase())
}

fn is_json(headers: &HeaderMap) -> bool {
    let Some(kind) = content_type(headers) else { return false };
    let kind = kind.split(';').next().unwrap_or_default().trim();
    kind == "application/json" || (kind.starts_with("application/") && kind.ends_with("+json"))
}

fn unsupported(expected: &str) -> Problem {
    let detail = format!("this route reads {expected}; say so in Content-Type");
    Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", detail)
}

fn unreadable(error: BytesRejection) -> Problem {
    if error.into_response().status() == StatusCode::PAYLOAD_TOO_LARGE {
        return too_large();
    }
    let detail = "the body could not be read to its end";
    Problem::new(StatusCode::BAD_REQUEST, "unreadable_body", detail)
}

fn too_slow() -> Problem {
    let detail = "the body did not come in time";
    Problem::new(StatusCode::REQUEST_TIMEOUT, "request_timeout", detail)
}

fn too_large() -> Problem {
    let detail = "the body is too large";
    Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "payload_too_large", detail)
}

#[cfg(test)]
mod tests;
