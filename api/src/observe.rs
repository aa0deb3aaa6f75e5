//! What happens around every request: an id, a span, numbers, and an answer even after a panic.

use std::{any::Any, time::Instant};

use axum::{
    extract::{MatchedPath, Request, State},
    http::{
        HeaderMap, HeaderValue,
        header::{CACHE_CONTROL, X_CONTENT_TYPE_OPTIONS},
    },
    middleware::Next,
    response::{IntoResponse, Response},
};
use tracing::{Instrument, field::Empty};

use crate::{
    App,
    context::{REQUEST_ID, RequestId},
    metric::{Answered, InFlight},
    problem::Problem,
};

/// Gives a request its id, and counts, times and traces it. Never notes bodies, credentials or
/// query strings.
pub(crate) async fn observe(State(app): State<App>, mut request: Request, next: Next) -> Response {
    let began = Instant::now();
    let _in_flight = InFlight::begin();
    let id = RequestId::of(request.headers());
    let matched = request.extensions().get::<MatchedPath>();
    let route = matched.map_or_else(|| "unmatched".to_owned(), |path| path.as_str().to_owned());
    let method = method(&request);
    let span = tracing::info_span!("request", request_id = id.0, method, route, status = Empty);
    request.extensions_mut().insert(id.clone());
    let answer = id.clone().scope(next.run(request)).instrument(span.clone());
    let mut response = answer.await;
    protect(response.headers_mut());
    response.headers_mut().insert(REQUEST_ID, id.header());
    let answered =
        Answered { method, route: &route, status: response.status(), took: began.elapsed() };
    span.record("status", answered.status.as_u16());
    span.in_scope(|| tracing::debug!(took_ms = answered.took.as_millis(), "answered"));
    app.requests.record(&answered);
    response
}

/// Answers hold what is the caller's alone: nobody keeps a copy, nobody guesses another type
/// (ASVS 5.0, 3.4.4 and 14.3.2).
fn protect(headers: &mut HeaderMap) {
    headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
}

/// A method that anybody may invent does not become a label.
fn method(request: &Request) -> &'static str {
    match request.method().as_str() {
        "GET" => "GET",
        "HEAD" => "HEAD",
        "POST" => "POST",
        "PUT" => "PUT",
        "PATCH" => "PATCH",
        "DELETE" => "DELETE",
        "OPTIONS" => "OPTIONS",
        _ => "OTHER",
    }
}

/// The answer after a panic; what it was is in the log.
pub(crate) fn panicked(panic: Box<dyn Any + Send + 'static>) -> Response {
    let text = panic
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("no message");
    tracing::error!(panic = text, "a handler panicked");
    drop(panic);
    Problem::internal().into_response()
}
