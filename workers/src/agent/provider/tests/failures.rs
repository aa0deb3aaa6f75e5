//! Rubbish, refusals, and when to ask again.

use std::{collections::HashMap, time::Duration};

use domain::chat::{ModelOptions, Provider};
use reqwest::{
    StatusCode,
    header::{DATE, HeaderMap, RETRY_AFTER},
};
use serde_json::{Value, json};

use super::{
    super::{
        ModelError, ModelErrorKind, ModelRequest, ProviderConfig, Providers, dialect::Dialect,
        retry,
    },
    heard,
};

const DIALECTS: [Dialect; 3] =
    [Dialect::Anthropic { takes_sampling: false }, Dialect::Llama, Dialect::OpenAi];

#[test]
fn rubbish_is_garbled_in_every_dialect() {
    let deep = "[".repeat(100_000);
    let bodies = [
        "",
        "null",
        "42",
        "\"hi\"",
        "[]",
        "{}",
        "<html>",
        "{\"choices\":[]}",
        "{\"content\":\"x\"}",
        "{\"choices\":[{}]}",
        "{\"completion_message\":[]}",
        "\u{0}",
        &deep,
    ];

    for dialect in DIALECTS {
        for body in bodies {
            let error = dialect.read(body.as_bytes()).unwrap_err();
            assert_eq!(error.kind, ModelErrorKind::Garbled, "{dialect:?} {body:.20}");
        }
    }
}

#[test]
fn rubbish_in_a_stream_is_garbled_in_every_dialect() {
    let bodies = ["", "null", "42", "[]", "<html>", "{\"type\":\"content_block_delta\"}", "{}"];

    for dialect in DIALECTS {
        for body in bodies {
            let (answer, _) = heard(dialect, &[Value::from(body)]);
            assert_eq!(answer.unwrap_err().kind, ModelErrorKind::Garbled, "{dialect:?} {body}");
        }
    }
}

#[test]
fn each_status_has_its_meaning() {
    let meanings = [
        (400, ModelErrorKind::Refused),
        (401, ModelErrorKind::Unauthorised),
        (402, ModelErrorKind::Unauthorised),
        (403, ModelErrorKind::Unauthorised),
        (404, ModelErrorKind::Refused),
        (408, ModelErrorKind::Unavailable),
        (409, ModelErrorKind::Unavailable),
        (413, ModelErrorKind::Refused),
        (422, ModelErrorKind::Refused),
        (429, ModelErrorKind::RateLimited),
        (500, ModelErrorKind::Unavailable),
        (503, ModelErrorKind::Overloaded),
        (529, ModelErrorKind::Overloaded),
        (302, ModelErrorKind::Garbled),
    ];

    for (code, kind) in meanings {
        let error = ModelError::of_status(StatusCode::from_u16(code).unwrap(), b"<html>");
        assert_eq!(error.kind, kind, "{code}");
    }
}

#[test]
fn a_refusal_is_explained_but_what_is_said_of_a_key_is_kept_back() {
    let body = json!({"error": {"message": "bad sk-123"}}).to_string();

    let refused = ModelError::of_status(StatusCode::BAD_REQUEST, body.as_bytes());
    let unauthorised = ModelError::of_status(StatusCode::UNAUTHORIZED, body.as_bytes());

    assert_eq!(refused.detail, "refused the request: bad sk-123");
    assert_eq!(unauthorised.detail, "does not accept this server's account");
}

fn limited(retry_after: Option<Duration>) -> ModelError {
    ModelError { retry_after, ..ModelError::new(ModelErrorKind::RateLimited, "") }
}

#[test]
fn pauses_grow_and_end() {
    let pauses = [1, 2].map(|attempt| retry::pause(attempt, &limited(None)).unwrap());

    assert!((375..=500).contains(&pauses[0].as_millis()), "{pauses:?}");
    assert!((750..=1000).contains(&pauses[1].as_millis()), "{pauses:?}");
    assert_eq!(retry::pause(3, &limited(None)), None);
    assert_eq!(retry::pause(1, &ModelError::garbled("")), None);
}

#[test]
fn a_provider_is_left_alone_as_long_as_it_wants() {
    let short = Duration::from_secs(7);

    assert_eq!(retry::pause(1, &limited(Some(short))), Some(short));
    assert_eq!(retry::pause(1, &limited(Some(Duration::from_secs(21)))), None);
}

#[test]
fn a_pause_may_be_asked_for_in_seconds_or_until_a_date() {
    let asked = |pause: &str| {
        let mut headers = HeaderMap::new();
        headers.insert(RETRY_AFTER, pause.parse().unwrap());
        headers.insert(DATE, "Wed, 21 Oct 2026 07:28:00 GMT".parse().unwrap());
        retry::wanted(&headers)
    };

    assert_eq!(asked("3"), Some(Duration::from_secs(3)));
    assert_eq!(asked("Wed, 21 Oct 2026 07:28:05 GMT"), Some(Duration::from_secs(5)));
    assert_eq!(asked("Wed, 21 Oct 2026 07:27:00 GMT"), Some(Duration::ZERO));
    for rubbish in ["-1", "NaN", "1e300", "soon"] {
        assert_eq!(asked(rubbish), None, "{rubbish}");
    }
}

#[test]
fn a_call_can_be_spawned() {
    fn spawned(_: impl Future + Send) {}
    let options = ModelOptions::default();
    let request = ModelRequest { model: "m", messages: &[], options: &options };
    let providers = Providers::new(HashMap::new()).unwrap();

    assert!(!providers.is_configured(Provider::OpenAi));
    spawned(providers.ask(Provider::OpenAi, &request, true, &mut |_| {}));
}

#[test]
fn an_address_or_a_key_that_cannot_be_is_refused_at_the_start() {
    let config = |base_url: &str, key: &str| {
        let api_key = Some(key.to_owned());
        let base_url = base_url.to_owned();
        let config = ProviderConfig { base_url, api_key, anthropic_version: None };
        Providers::new(HashMap::from([(Provider::OpenAi, config)]))
    };

    assert!(config("http://127.0.0.1:1/v1", "key").is_ok());
    assert!(config("ftp://example.org", "key").is_err());
    assert!(config("nowhere", "key").is_err());
    assert!(config("http://127.0.0.1:1/v1", "a\nkey").is_err());
}
