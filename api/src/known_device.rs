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

use crate::App;

/// Its name over HTTP, and where cookies may be bound to the host.
const NAMES: [&str; 2] = ["annals_known", "__Host-annals_known"];
/// How long a browser keeps it, in seconds.
const MAX_AGE: u32 = 180 * 24 * 3600;

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
        let cookie = cookie(&app.commands.policy().public_url, &token);
        if let Ok(cookie) = HeaderValue::from_str(&cookie) {
            response.headers_mut().append(header::SET_COOKIE, cookie);
        }
    }
    response
}

/// What a device shows.
pub(crate) fn shown(headers: &HeaderMap) -> Option<&str> {
    let lines = headers.get_all(header::COOKIE).iter().filter_map(|line| line.to_str().ok());
    let mut cookies = lines.flat_map(|line| line.split(';')).filter_map(|it| it.split_once('='));
    cookies.find(|(name, _)| NAMES.contains(&name.trim())).map(|(_, value)| value.trim())
}

fn cookie(public_url: &str, token: &str) -> String {
    let (name, secure) =
        if public_url.starts_with("https:") { (NAMES[1], "; Secure") } else { (NAMES[0], "") };
    format!("{name}={token}; Path=/; Max-Age={MAX_AGE}; HttpOnly; SameSite=Lax{secure}")
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
        let open = cookie("http://localhost:8000", "x");
        let closed = cookie("https://annals.example", "x");

        assert!(open.starts_with("annals_known=x; Path=/; "), "{open}");
        assert!(closed.starts_with("__Host-annals_known=x; ") && closed.ends_with("; Secure"));
        for cookie in [open, closed] {
            assert!(cookie.contains("; HttpOnly; SameSite=Lax"), "{cookie}");
        }
    }
}
