//! What problems look like, and what they keep to themselves.

use axum::body::to_bytes;
use serde_json::Value;

use super::*;
use crate::context::RequestId;

async fn told(problem: Problem) -> (Response<()>, Value) {
    let answer = RequestId("req-1".into()).scope(async { problem.into_response() }).await;
    let (parts, body) = answer.into_parts();
    let body = to_bytes(body, usize::MAX).await.unwrap();
    (Response::from_parts(parts, ()), serde_json::from_slice(&body).unwrap())
}

#[tokio::test]
async fn a_problem_is_one_object_that_every_client_can_read() {
    let (answer, body) = told(Problem::invalid("/email", "this is not an e-mail address")).await;

    assert_eq!(answer.headers()[header::CONTENT_TYPE], "application/problem+json");
    insta::assert_json_snapshot!(body, @r#"
    {
      "code": "invalid_input",
      "detail": "email: this is not an e-mail address",
      "error": {
        "code": "invalid_input",
        "message": "email: this is not an e-mail address",
        "type": "invalid_request_error"
      },
      "errors": [
        {
          "detail": "this is not an e-mail address",
          "pointer": "/email"
        }
      ],
      "message": "email: this is not an e-mail address",
      "request_id": "req-1",
      "status": 422,
      "title": "Unprocessable Entity",
      "type": "urn:annals:problem:invalid_input"
    }
    "#);
}

#[tokio::test]
async fn a_problem_without_fields_has_no_list_of_them() {
    let (answer, body) = told(Problem::anonymous()).await;

    assert_eq!(body.get("errors"), None);
    assert_eq!(answer.headers()[header::WWW_AUTHENTICATE], "Bearer realm=\"annals\"");
    assert_eq!(body["error"]["type"], "authentication_error");
}

#[tokio::test]
async fn our_own_faults_stay_in_our_log() {
    for (error, status) in [
        (commands::Error::Internal(anyhow::anyhow!("password=hunter2")), 500),
        (commands::Error::Unavailable(anyhow::anyhow!("postgres://u:hunter2@db")), 503),
    ] {
        let (answer, body) = told(error.into()).await;

        assert_eq!(answer.status(), status);
        assert!(!body.to_string().contains("hunter2"), "{body}");
    }
}

#[tokio::test]
async fn whoever_comes_too_often_is_told_when_to_come_back() {
    let limited = Rejection::new(Kind::Limited, "registration_limit", "too many");
    for problem in [limited.into(), Problem::unavailable("down")] {
        let (answer, _) = told(problem).await;

        let wait = answer.headers()[header::RETRY_AFTER].to_str().unwrap().to_owned();
        assert!(wait.parse::<u32>().is_ok_and(|seconds| seconds > 0), "{wait}");
    }
}

#[tokio::test]
async fn every_kind_of_refusal_has_its_status() {
    for (kind, status) in [
        (Kind::Invalid, 422),
        (Kind::Unauthenticated, 401),
        (Kind::Forbidden, 403),
        (Kind::Missing, 404),
        (Kind::Conflict, 409),
        (Kind::Limited, 429),
    ] {
        let (answer, body) = told(Rejection::new(kind, "some_code", "some sentence").into()).await;

        assert_eq!((answer.status().as_u16(), &body["code"]), (status, &"some_code".into()));
        assert_eq!(body["errors"].is_array(), status == 422);
    }
}

#[tokio::test]
async fn a_run_that_did_something_is_not_to_be_repeated() {
    let (answer, _) = told(Problem { is_final: true, ..Problem::unavailable("down") }).await;

    assert_eq!(answer.headers()["x-should-retry"], "false");
}
