//! Cookies: what a browser shows again by itself, and no script reads.

use axum::http::{HeaderMap, HeaderValue, header};

/// The value of the first cookie of a request that has one of the names.
pub(crate) fn shown<'a>(headers: &'a HeaderMap, names: &[&str]) -> Option<&'a str> {
    let lines = headers.get_all(header::COOKIE).iter().filter_map(|line| line.to_str().ok());
    let mut cookies = lines.flat_map(|line| line.split(';')).filter_map(|it| it.split_once('='));
    cookies.find(|(name, _)| names.contains(&name.trim())).map(|(_, value)| value.trim())
}

/// A cookie for all of a service; over TLS alone where that is how it is reached.
pub(crate) struct Cookie<'a> {
    pub name: &'static str,
    pub value: &'a str,
    /// How long it is kept, in seconds.
    pub max_age: i64,
    /// `Strict` or `Lax`.
    pub same_site: &'static str,
}

impl Cookie<'_> {
    /// As a header; none where the value cannot stand in one.
    pub(crate) fn header(&self, public_url: &str) -> Option<HeaderValue> {
        let Self { name, value, max_age, same_site } = self;
        let secure = if is_closed(public_url) { "; Secure" } else { "" };
        let cookie = format!(
            "{name}={value}; Path=/; Max-Age={max_age}; HttpOnly; SameSite={same_site}{secure}"
        );
        HeaderValue::from_str(&cookie).ok()
    }
}

/// Whether a service is reached over TLS.
pub(crate) fn is_closed(public_url: &str) -> bool {
    public_url.starts_with("https:")
}
