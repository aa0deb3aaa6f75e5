//! What is said of bodies that cannot be read.

use axum::body::Body;
use serde::Deserialize;

use super::*;

#[derive(Debug, Deserialize)]
#[expect(dead_code, reason = "only read")]
struct Order {
    email: domain::Email,
    items: Vec<Item>,
}

#[derive(Debug, Deserialize)]
#[expect(dead_code, reason = "only read")]
struct Item {
    #[serde(rename = "a/b")]
    count: u8,
}

fn refusal(body: &str) -> (u16, Vec<(String, String)>, String) {
    let problem = parse::<Order>(body.as_bytes()).unwrap_err();
    let errors = problem.errors.into_iter().map(|error| (error.pointer, error.detail));
    (problem.status.as_u16(), errors.collect(), problem.detail.into_owned())
}

#[test]
fn what_is_not_json_is_refused_with_its_position() {
    for body in ["", "{", "{\"email\" 1}", "nothing"] {
        let (status, _, detail) = refusal(body);

        assert_eq!(status, 400, "{body}");
        assert!(detail.contains("at line 1 column"), "{detail}");
    }
}

#[test]
fn what_follows_a_body_is_refused() {
    let problem = parse::<u8>(b"1 2").unwrap_err();

    assert_eq!(problem.status, StatusCode::BAD_REQUEST);
}

#[test]
fn a_missing_field_is_named() {
    let (status, errors, _) = refusal("{\"items\":[]}");

    assert_eq!((status, errors[0].0.as_str()), (422, "/email"));
}

#[test]
fn a_wrong_type_is_told_with_its_place() {
    let (status, errors, _) = refusal(r#"{"email":"a@b.example","items":[{"a/b":1},{"a/b":"x"}]}"#);

    assert_eq!((status, errors[0].0.as_str()), (422, "/items/1/a~1b"));
    assert_eq!(errors[0].1, "invalid type: string \"x\", expected u8");
}

#[test]
fn a_value_that_breaks_a_rule_is_told_with_its_place() {
    let (status, errors, _) = refusal(r#"{"email":"ada","items":[]}"#);

    let expected = ("/email".to_owned(), "this is not an e-mail address".to_owned());
    assert_eq!((status, errors), (422, vec![expected]));
}

#[test]
fn a_body_of_the_wrong_shape_is_a_mistake_of_the_whole() {
    let (status, errors, _) = refusal("7");

    assert_eq!((status, errors[0].0.as_str()), (422, ""));
}

fn post(kind: Option<&str>) -> Request {
    let request = Request::builder().method("POST").uri("/");
    let request =
        kind.into_iter().fold(request, |request, kind| request.header(header::CONTENT_TYPE, kind));
    request.body(Body::from("1")).unwrap()
}

#[tokio::test]
async fn only_json_is_read_as_json() {
    for (kind, status) in [
        (Some("application/json"), None),
        (Some("application/json; charset=utf-8"), None),
        (Some("application/merge-patch+json"), None),
        (Some("text/plain"), Some(415)),
        (None, Some(415)),
    ] {
        let read = Json::<u8>::from_request(post(kind), &()).await;

        assert_eq!(read.err().map(|problem| problem.status.as_u16()), status, "{kind:?}");
    }
}

#[test]
fn a_mistake_in_a_form_or_query_names_its_field() {
    for (text, pointer, detail) in [
        (
            "Failed to deserialize form body: missing field `password`",
            "/password",
            "this field is required",
        ),
        (
            "Failed to deserialize query string: page: invalid digit found in string",
            "/page",
            "invalid digit found in string",
        ),
        (
            "Failed to deserialize query string: duplicate field `page`",
            "",
            "duplicate field `page`",
        ),
    ] {
        let error = parameter(text).errors.remove(0);

        assert_eq!((error.pointer.as_str(), error.detail.as_str()), (pointer, detail));
    }
}
