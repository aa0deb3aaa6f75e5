//! The cookie of a device that has signed in: it opens nothing, but strangers who guess passwords cannot
//! lock it out.

use std::sync::{Arc, OnceLock};

use axum::{
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, Method, header},
    middleware::Next,
    response::Response,
};
use uuid::Uuid;

use crate::{
    App,
    cookie::{self, Cookie},
};

/// Its name over HTTP, and where cookies may be bound to the host.
const NAMES: [&str; 2] = ["annals_known", "__Host-annals_known"];
/// How long a browser keeps it, in seconds.
const MAX_AGE: i64 = 180 * 24 * 3600;

/// Who has signed in by a request, once somebody has.
#[derive(Clone, Default)]
pub(crate) struct Arrival(pub Arc<OnceLock<Uuid>>);

/// Gives a device a cookie whose person has just signed in.
pub(crate) async fn remember(State(app): State<App>, mut request: Request, next: Next) -> Response {
    if request.method() != Method::POST {
        return next.run(request).await;
    }
    let (arrival, shown) = (Arrival::default(), shown(request.headers()).map(str::to_owned));
    request.extensions_mut().insert(arrival.clone());
    let mut response = next.run(request).await;
    if let Some(user) = arrival.0.get() {
        let token = app.commands.known_device(shown.as_deref(), *user);
        if let Some(cookie) = cookie(&app.commands.policy().public_url, &token) {
            response.headers_mut().append(header::SET_COOKIE, cookie);
        }
    }
    response
}

/// What a device shows.
pub(crate) fn shown(headers: &HeaderMap) -> Option<&str> {
    cookie::shown(headers, &NAMES)
}

fn cookie(public_url: &str, token: &str) -> Option<HeaderValue> {
    let name = NAMES[usize::from(cookie::is_closed(public_url))];
    Cookie { name, value: token, max_age: MAX_AGE, same_site: "Lax" }.header(public_url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cookie_is_found_among_others_under_both_names() {
        let read = |line| {
            let headers = HeaderMap::from_iter([(header::COOKIE, HeaderValue::from_static(line))]);
            shown(&headers).map(str::to_owned)
        };

        assert_eq!(read("a=b; annals_known=x").as_deref(), Some("x"));
        assert_eq!(read("__Host-annals_known=y;a=b").as_deref(), Some("y"));
        assert_eq!(read("annals_unknown=x"), None);
    }

    #[test]
    fn a_cookie_of_a_public_service_travels_only_to_it() {
        let written = |url| cookie(url, "x").unwrap().to_str().unwrap().to_owned();
        let open = written("http://localhost:8000");
        let closed = written("https://annals.example");

        assert!(open.starts_with("annals_known=x; Path=/; "), "{open}");
        assert!(closed.starts_with("__Host-annals_known=x; ") && closed.ends_with("; Secure"));
        for cookie in [open, closed] {
            assert!(cookie.contains("; HttpOnly; SameSite=Lax"), "{cookie}");
        }
    }
}
