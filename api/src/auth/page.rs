//! The two small pages behind a mailed link.

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{Html, IntoResponse, Response},
};

const POLICY: &str =
    "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'";

/// Asks whether the person who followed the link meant it.
pub(super) fn ask(token: &str) -> Response {
    let token = escape(token);
    let form = format!(
        "<p>Please confirm that this address is yours.</p>\
         <form method=\"post\" action=\"/v1/auth/verify-email\">\
         <input type=\"hidden\" name=\"token\" value=\"{token}\">\
         <button>Confirm my e-mail address</button></form>"
    );
    page(StatusCode::OK, &form)
}

/// Says how it went.
pub(super) fn say(status: StatusCode, sentence: &str) -> Response {
    page(status, &format!("<p>{}</p>", escape(sentence)))
}

fn page(status: StatusCode, content: &str) -> Response {
    let html = format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width\"><title>Annals</title>\
         <style>body{{font:1.1rem/1.5 system-ui;max-width:32rem;margin:20vh auto;padding:0 1rem}}\
         button{{font:inherit;padding:.6rem 1.2rem}}</style></head>\
         <body><h1>Annals</h1>{content}</body></html>"
    );
    let mut response = (status, Html(html)).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

fn escape(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '&' => "&amp;".to_owned(),
            '<' => "&lt;".to_owned(),
            '>' => "&gt;".to_owned(),
            '"' => "&quot;".to_owned(),
            '\'' => "&#39;".to_owned(),
            c => c.to_string(),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_cannot_leave_its_attribute() {
        assert_eq!(escape("\"><script>'&"), "&quot;&gt;&lt;script&gt;&#39;&amp;");
    }
}
