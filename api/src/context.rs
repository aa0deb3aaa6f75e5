//! What is known of a request before anybody looks at it: its id, and where it came from.

use std::net::SocketAddr;

use axum::{
    extract::{ConnectInfo, FromRequestParts},
    http::{HeaderMap, HeaderName, HeaderValue, header, request::Parts},
};
use commands::Origin;
use domain::{InvalidText, Text};
use uuid::Uuid;

use crate::{
    App, address, cookie,
    known_device::{self, Arrival},
    problem::Problem,
};

/// The header that carries a request's id.
pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// The header in which an administrator says why.
const REASON: HeaderName = HeaderName::from_static("x-reason");
/// The header in which a program sends the token of a device that was remembered.
const DEVICE: HeaderName = HeaderName::from_static("x-device-token");
/// The cookie in which a browser does.
pub(crate) const DEVICE_COOKIE: &str = "annals_device";
/// The longest name of a client that is kept.
const USER_AGENT: usize = 256;

tokio::task_local! {
    static CURRENT: RequestId;
}

/// What a request is known by, in logs, answers and events.
#[derive(Clone, Debug)]
pub(crate) struct RequestId(pub String);

impl RequestId {
    /// The client's, if it is harmless; otherwise a new one.
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        let given = headers.get(REQUEST_ID).and_then(|value| value.to_str().ok());
        match given.filter(|id| is_sane(id)) {
            Some(id) => Self(id.to_owned()),
            None => Self(Uuid::now_v7().to_string()),
        }
    }

    /// The id as events carry it.
    pub(crate) fn uuid(&self) -> Uuid {
        Uuid::parse_str(&self.0)
            .unwrap_or_else(|_| Uuid::new_v5(&Uuid::NAMESPACE_OID, self.0.as_bytes()))
    }

    /// The id as a header.
    pub(crate) fn header(&self) -> HeaderValue {
        HeaderValue::from_str(&self.0).unwrap_or_else(|_| HeaderValue::from_static("-"))
    }

    /// Makes the id known to everything that `work` does.
    pub(crate) async fn scope<F: Future>(self, work: F) -> F::Output {
        CURRENT.scope(self, work).await
    }
}

/// The id of the request that is being answered.
pub(crate) fn request_id() -> String {
    CURRENT.try_with(|id| id.0.clone()).unwrap_or_default()
}

fn is_sane(id: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    (1..=64).contains(&id.len()) && id.bytes().all(is_plain)
}

/// Where a request came from; the same for every handler that writes.
pub(crate) struct From(pub Origin);

impl FromRequestParts<App> for From {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        Ok(Self(origin(parts, app)))
    }
}

/// Where a request came from.
pub(crate) fn origin(parts: &Parts, app: &App) -> Origin {
    let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|info| info.0.ip());
    let trusted = &app.setup().trusted_proxies;
    let address = peer.map(|peer| address::client(peer, &parts.headers, trusted).to_string());
    let text = |name| parts.headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    let user_agent = text(header::USER_AGENT).map(|agent| agent.chars().take(USER_AGENT).collect());
    let traceparent = text(HeaderName::from_static("traceparent")).filter(|id| is_trace(id));
    let request = parts.extensions.get::<RequestId>().map(RequestId::uuid).unwrap_or_default();
    let traceparent = traceparent.map(str::to_owned);
    let device = device(&parts.headers);
    let known_device = known_device::shown(&parts.headers).map(str::to_owned);
    let arrived = parts.extensions.get::<Arrival>().cloned().unwrap_or_default().0;
    let reason = None;
    Origin { address, user_agent, request, traceparent, reason, device, known_device, arrived }
}

/// The token of a remembered device: of a program in a header, of a browser in a cookie.
fn device(headers: &HeaderMap) -> Option<String> {
    let given = headers.get(DEVICE).and_then(|value| value.to_str().ok());
    let token = given.or_else(|| cookie::shown(headers, &[DEVICE_COOKIE]));
    token.filter(|token| token.len() <= 256).map(str::to_owned)
}

/// Why somebody does something, where they say so.
pub(crate) fn reason(headers: &HeaderMap) -> Result<Option<Text>, Problem> {
    let Some(said) = headers.get(REASON) else { return Ok(None) };
    let said = String::from_utf8(said.as_bytes().to_vec()).ok().map(Text::try_from);
    match said {
        Some(Ok(said)) => Ok(Some(said)),
        Some(Err(_)) | None => Err(Problem::invalid("X-Reason", InvalidText.to_string())),
    }
}

/// W3C Trace Context, version 00.
fn is_trace(text: &str) -> bool {
    text.len() == 55 && text.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(header: &'static str) -> String {
        let mut headers = HeaderMap::new();
        headers.insert(REQUEST_ID, HeaderValue::from_static(header));
        RequestId::of(&headers).0
    }

    #[test]
    fn a_harmless_id_of_the_client_is_kept() {
        assert_eq!(id("order-7_b.2"), "order-7_b.2");
    }

    #[test]
    fn any_other_id_is_replaced() {
        for text in ["", "a b", "a;b", "<script>", &"x".repeat(65)] {
            let header: &'static str = String::from(text).leak();
            let id = id(header);
            assert!(Uuid::parse_str(&id).is_ok(), "{text:?} became {id}");
        }
    }

    #[test]
    fn a_reason_is_one_line_of_text() {
        let read = |value: &[u8]| {
            let headers = HeaderMap::from_iter([(REASON, HeaderValue::from_bytes(value).unwrap())]);
            reason(&headers).map(|said| said.map(|said| said.to_string()))
        };

        assert_eq!(read(b"Ada asked").ok().flatten().as_deref(), Some("Ada asked"));
        for wrong in [&b""[..], b"   ", b"\xff\xfe"] {
            assert!(read(wrong).is_err(), "{wrong:?}");
        }
        assert!(reason(&HeaderMap::new()).is_ok_and(|said| said.is_none()));
    }

    #[test]
    fn a_foreign_id_is_always_the_same_uuid() {
        let foreign = RequestId("order-7".into());

        assert_eq!(foreign.uuid(), foreign.uuid());
    }
}
