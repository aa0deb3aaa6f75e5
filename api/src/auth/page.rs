//! The page behind a mailed link: programs that scan mails follow links, so it only shows a button.

use axum::{
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{Html, IntoResponse, Response},
};
use commands::Done;
use minijinja::{Environment, context, value::Serde};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::{App, body::Json, envelope::Message, problem::Problem};

/// The name makes the engine escape what is put into it.
const TEMPLATE: (&str, &str) = ("page.html", include_str!("page.html"));
const POLICY: &str =
    "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'";

/// The token of a mailed link.
#[derive(Deserialize, ToSchema, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct LinkToken {
    pub token: String,
}

/// What a mailed link is for.
#[derive(Clone, Copy)]
pub(super) struct Link {
    /// What the person is asked.
    pub question: &'static str,
    /// What the button says.
    pub button: &'static str,
    /// The route that acts.
    pub action: &'static str,
    /// Whether a new password has to come along.
    pub wants_password: bool,
}

#[derive(Serialize)]
struct Ask<'a> {
    action: &'static str,
    button: &'static str,
    wants_password: bool,
    token: &'a str,
}

impl Link {
    /// Asks whether the person who followed it meant it.
    pub(super) fn ask(self, given: &LinkToken) -> Response {
        let Self { question, button, action, wants_password } = self;
        page(
            StatusCode::OK,
            question,
            Some(&Ask { action, button, wants_password, token: &given.token }),
        )
    }
}

/// Answers whoever acted: a browser with a page that says `sentence` or what went wrong.
pub(super) async fn answer<T>(
    app: &App,
    headers: &HeaderMap,
    outcome: Result<Done<T>, Problem>,
    sentence: &'static str,
) -> Result<Response, Problem> {
    let outcome = match outcome {
        Ok(done) => Ok(app.done(done, |_| Json(Message { message: sentence })).await),
        Err(problem) => Err(problem),
    };
    if !accepts(headers, "text/html") {
        return outcome;
    }
    Ok(match outcome {
        Ok(_) => page(StatusCode::OK, sentence, None),
        Err(problem) => page(problem.status, &problem.detail, None),
    })
}

/// What is wrong with what a mailed link asks for, is wrong with its token.
pub(super) fn at_token(error: commands::Error) -> Problem {
    Problem::from(error).at("/token")
}

/// Whether a client takes answers of a kind.
pub(super) fn accepts(headers: &HeaderMap, kind: &str) -> bool {
    let accept = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok());
    accept.is_some_and(|accept| accept.contains(kind))
}

fn page(status: StatusCode, sentence: &str, ask: Option<&Ask>) -> Response {
    let said = context! { sentence, ask => Serde(&ask) };
    let html = match Environment::new().render_named_str(TEMPLATE.0, TEMPLATE.1, said) {
        Ok(html) => html,
        Err(error) => {
            tracing::error!(%error, "a page cannot be written");
            return Problem::internal().into_response();
        }
    };
    let mut response = (status, Html(html)).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

#[cfg(test)]
mod tests {
    use axum::body::to_bytes;

    use super::*;

    #[tokio::test]
    async fn a_token_cannot_leave_its_attribute() {
        let link = Link { question: "Sure?", button: "Yes", action: "/go", wants_password: true };

        let page = link.ask(&LinkToken { token: "\"><script>'&".to_owned() });

        let html = to_bytes(page.into_body(), 10_000).await.unwrap();
        let html = String::from_utf8(html.to_vec()).unwrap();
        assert!(html.contains("value=\"&quot;&gt;&lt;script&gt;&#x27;&amp;\""), "{html}");
        assert!(html.contains("action=\"&#x2f;go\"") && html.contains("new_password"), "{html}");
    }
}
