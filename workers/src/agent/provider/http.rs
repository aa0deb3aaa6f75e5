//! One call over HTTP, with its limits.

use std::time::Duration;

use bytes::Bytes;
use reqwest::{
    Client, Response, Url,
    header::{CONTENT_TYPE, HeaderMap},
    redirect,
};

use super::{ModelError, answer, retry};

const CONNECT: Duration = Duration::from_secs(5);
const CALL: Duration = Duration::from_mins(5);

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

/// Asks, and gives back an answer that has begun with success and the expected media type.
pub(super) async fn post(
    client: &Client,
    url: &Url,
    headers: &HeaderMap,
    body: Bytes,
    media_type: &str,
) -> Result<Response, ModelError> {
    let request = client.post(url.clone()).headers(headers.clone()).body(body);
    let response = within(CALL, request.send()).await?;
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

/// The whole answer of a call that does not stream.
pub(super) async fn whole(response: Response) -> Result<Vec<u8>, ModelError> {
    within(CALL, read(response, answer::LONGEST)).await
}

async fn read(mut response: Response, limit: usize) -> Result<Vec<u8>, ModelError> {
    let mut body = vec![];
    while let Some(chunk) = response.chunk().await.map_err(|error| broken(&error))? {
        if body.len() + chunk.len() > limit {
            return Err(ModelError::garbled("it is too long"));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}
