//! One call over HTTP, with its limits.

use std::time::Duration;

use bytes::Bytes;
use reqwest::{
    Client, Response, Url,
    header::{CONTENT_TYPE, HeaderMap},
    redirect,
};

use super::{ModelError, retry};

const CONNECT: Duration = Duration::from_secs(5);
/// The longest a call takes, and the longest a stream takes to begin.
pub(super) const CALL: Duration = Duration::from_mins(5);

/// The longest explanation of a refusal that is read, in bytes.
const LONGEST_REFUSAL: usize = 64 * 1024;

/// The client for all providers, whose addresses come from the server's configuration.
pub(super) fn client() -> reqwest::Result<Client> {
    Client::builder()
        .connect_timeout(CONNECT)
        .redirect(redirect::Policy::none())
        .user_agent(concat!("annals/", env!("CARGO_PKG_VERSION")))
        .build()
}

/// Where a provider listens, and what every request to it carries.
pub(super) struct Upstream {
    pub url: Url,
    pub headers: HeaderMap,
}

/// Asks, and gives back an answer that has begun with success and the expected media type.
pub(super) async fn post(
    client: &Client,
    upstream: &Upstream,
    body: Bytes,
    media_type: &str,
) -> Result<Response, ModelError> {
    let request = client.post(upstream.url.clone()).headers(upstream.headers.clone()).body(body);
    let response = request.send().await.map_err(|error| broken(&error))?;
    let status = response.status();
    if !status.is_success() {
        let wanted = retry::wanted(response.headers());
        let body = within(CONNECT, read(response, LONGEST_REFUSAL)).await.unwrap_or_default();
        return Err(ModelError { retry_after: wanted, ..ModelError::of_status(status, &body) });
    }
    if is_of(response.headers(), media_type) {
        Ok(response)
    } else {
        Err(ModelError::garbled("it is of the wrong media type"))
    }
}

fn is_of(headers: &HeaderMap, media_type: &str) -> bool {
    let given = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = given.split(';').next().unwrap_or_default().trim();
    essence.eq_ignore_ascii_case(media_type)
}

/// The whole body of an answer, unless it is longer than `limit` bytes.
pub(super) async fn read(mut response: Response, limit: usize) -> Result<Vec<u8>, ModelError> {
    let mut body = vec![];
    while let Some(chunk) = response.chunk().await.map_err(|error| broken(&error))? {
        if body.len() + chunk.len() > limit {
            return Err(ModelError::garbled("it is too long"));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// Waits for a part of a call no longer than `limit`.
pub(super) async fn within<T>(
    limit: Duration,
    part: impl Future<Output = Result<T, ModelError>>,
) -> Result<T, ModelError> {
    let late = |_| Err(ModelError::unavailable("it did not answer in time"));
    tokio::time::timeout(limit, part).await.unwrap_or_else(late)
}

/// Says what broke without the address, which is nobody's business outside.
pub(super) fn broken(error: &reqwest::Error) -> ModelError {
    tracing::warn!(error = error as &dyn std::error::Error, "a provider did not answer");
    ModelError::unavailable(if error.is_timeout() {
        "it did not answer in time"
    } else if error.is_connect() {
        "it cannot be reached"
    } else {
        "the connection broke"
    })
}
