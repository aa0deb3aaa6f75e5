//! Refusing a body that is too large without cutting its sender off: what is still on its way is read and
//! thrown away, or the sender would see a broken connection instead of the answer (RFC 9112, 9.6).

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use axum::{
    body::Body,
    extract::Request,
    http::{HeaderMap, StatusCode, header},
    middleware::Next,
    response::Response,
};
use futures_util::{StreamExt, stream};
use tokio::time::timeout;

/// Bodies up to this size are on their way as a whole before anybody refuses them.
const SMALL: usize = 32 << 10;
/// Bytes that are thrown away at most.
const MOST: usize = 16 << 20;
/// For how long.
const PATIENCE: Duration = Duration::from_secs(5);

/// Answers a refusal once the body has come to its end, within reason.
pub(crate) async fn linger(request: Request, next: Next) -> Response {
    if is_small(request.headers()) {
        return next.run(request).await;
    }
    let (parts, body) = request.into_parts();
    let shared = Arc::new(Mutex::new(body.into_data_stream()));
    let read = || {
        let shared = Arc::clone(&shared);
        stream::poll_fn(move |context| {
            let mut body = shared.lock().unwrap_or_else(PoisonError::into_inner);
            body.poll_next_unpin(context)
        })
    };
    let response = next.run(Request::from_parts(parts, Body::from_stream(read()))).await;
    if response.status() == StatusCode::PAYLOAD_TOO_LARGE {
        let mut rest = read();
        let _ = timeout(PATIENCE, async {
            let mut thrown_away = 0;
            while let Some(Ok(bytes)) = rest.next().await
                && thrown_away < MOST
            {
                thrown_away += bytes.len();
            }
        })
        .await;
    }
    response
}

fn is_small(headers: &HeaderMap) -> bool {
    let length = headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok());
    let length = length.and_then(|text| text.parse::<usize>().ok());
    length.map_or(!headers.contains_key(header::TRANSFER_ENCODING), |length| length <= SMALL)
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn a_body_is_small_where_it_says_so_or_is_not_there() {
        let says = |name, value| HeaderMap::from_iter([(name, HeaderValue::from_static(value))]);

        assert!(is_small(&HeaderMap::new()));
        assert!(is_small(&says(header::CONTENT_LENGTH, "32768")));
        assert!(!is_small(&says(header::CONTENT_LENGTH, "32769")));
        assert!(!is_small(&says(header::TRANSFER_ENCODING, "chunked")));
    }
}
