//! What is answered again, to whom, and what is not.

use serde_json::json;
use tests::Setup;
use tokio::task::JoinSet;

use super::scene::{Answer, database, events, has_cluster, insist, send};
use crate::person::{PASSWORD, Person};

#[tokio::test]
async fn a_registration_that_is_sent_twice_happens_once() -> anyhow::Result<()> {
    let program = Setup::default().start().await?;
    let body = json!({ "email": "ada@example.org", "password": PASSWORD });

    let first = send(program.post("/v1/auth/register", &body), "r-1").await?;
    let second = send(program.post("/api/v1/auth/register", &body), "r-1").await?;

    assert_eq!((first.status, first.is_replayed), (201, false), "{first:?}");
    assert_eq!(second, first.again());
    let other = json!({ "email": "eve@example.org", "password": PASSWORD });
    let reused = send(program.post("/v1/auth/register", &other), "r-1").await?;
    assert_eq!((reused.status, &reused.json()["code"]), (422, &json!("idempotency_key_reused")));
    let without = program.post("/v1/auth/register", &body).send().await?;
    assert_eq!(Answer::read(without).await?.json()["code"], "email_taken");
    Ok(())
}

#[tokio::test]
async fn a_key_that_is_shown_once_is_shown_again_to_its_owner_only() -> anyhow::Result<()> {
    let program = Setup::default().start().await?;
    let ada = Person::register(&program, "ada@example.org").await?;
    let eve = Person::register(&program, "eve@example.org").await?;
    let path = "/v1/settings/api-keys";
    let body = json!({ "name": "ci", "scopes": ["account"] });

    let first = send(ada.asks(program.post(path, &body)), "1").await?;
    let again = send(ada.asks(program.post(path, &body)), "1").await?;
    let hers = send(eve.asks(program.post(path, &body)), "1").await?;

    assert_eq!(first.status, 201, "{first:?}");
    assert_eq!(again, first.again());
    assert!(!hers.is_replayed && hers.status == 201, "{hers:?}");
    assert_ne!(hers.json()["api_key"], first.json()["api_key"]);
    let other = json!({ "name": "cd" });
    assert_eq!(send(ada.asks(program.post(path, &other)), "1").await?.status, 422);

    let lesser = first.json()["api_key"].as_str().unwrap_or_default().to_owned();
    let minted = send(program.post(path, &body).header("X-API-Key", &lesser), "1").await?;
    assert_eq!((minted.status, minted.is_replayed), (403, false), "{minted:?}");
    let out = ada.asks(program.post("/v1/auth/logout", &json!({}))).send().await?;
    assert!(out.status().is_success());
    let late = send(ada.asks(program.post(path, &body)), "1").await?;
    assert_eq!((late.status, late.is_replayed), (401, false), "{late:?}");
    Ok(())
}

#[tokio::test]
async fn ten_at_once_with_one_key_do_it_exactly_once() -> anyhow::Result<()> {
    if !has_cluster() {
        return Ok(());
    }
    let program = Setup::default().start().await?;
    let ada = Person::register(&program, "ada@example.org").await?;
    let mut sent = JoinSet::new();
    for _ in 0..10 {
        let request = ada.asks(program.post("/v1/settings/api-keys", &json!({ "name": "ci" })));
        sent.spawn(async move { insist(&request, "all").await });
    }

    let mut bodies = Vec::new();
    while let Some(answer) = sent.join_next().await {
        let answer = answer??;
        assert_eq!(answer.status, 201, "{answer:?}");
        bodies.push(answer.body);
    }

    assert_eq!(bodies.len(), 10);
    assert!(bodies.iter().all(|body| *body == bodies[0]), "{bodies:?}");
    assert_eq!(events(&database(&program).await?, "api_key.created").await?.0, 1);
    Ok(())
}

#[tokio::test]
async fn a_refusal_to_let_in_is_not_kept() -> anyhow::Result<()> {
    let program = Setup::default().start().await?;
    let ada = Person::register(&program, "ada@example.org").await?;
    let login = |password: &str| json!({ "email": ada.email, "password": password });

    let wrong = send(program.post("/v1/auth/login", &login("not my password")), "l").await?;
    let right = send(program.post("/v1/auth/login", &login(PASSWORD)), "l").await?;

    assert_eq!((wrong.status, right.status), (401, 200), "{right:?}");
    assert!(!right.is_replayed);
    Ok(())
}

#[tokio::test]
async fn a_bad_key_is_refused_and_other_methods_ignore_it() -> anyhow::Result<()> {
    let program = Setup::default().start().await?;
    let ada = Person::register(&program, "ada@example.org").await?;
    let body = json!({ "name": "ci" });

    for key in ["", "a\u{7f}b", &"x".repeat(256)] {
        let refused = program.post("/v1/settings/api-keys", &body).header("Idempotency-Key", key);
        let Ok(response) = ada.asks(refused).send().await else { continue };
        let refused = Answer::read(response).await?;
        assert_eq!(refused.status, 400, "{key:?}: {refused:?}");
        assert_eq!(refused.json()["code"], "invalid_idempotency_key");
    }
    for language in ["de", "fr"] {
        let body = json!({ "preferred_language": language });
        let put = send(ada.asks(program.put("/v1/settings/communication", &body)), "k").await?;
        assert_eq!(put.json()["preferred_language"], language);
        assert!(!put.is_replayed);
    }
    Ok(())
}

#[tokio::test]
async fn an_answer_is_sealed_and_ends_with_its_time() -> anyhow::Result<()> {
    if !has_cluster() {
        return Ok(());
    }
    let program = Setup::default().start().await?;
    let ada = Person::register(&program, "ada@example.org").await?;
    let pool = database(&program).await?;
    let make = || ada.asks(program.post("/v1/settings/api-keys", &json!({ "name": "ci" })));
    let first = send(make(), "k").await?;

    let stored: (Vec<u8>, String) =
        sqlx::query_as("select answer, subject_id::text from work.idempotency")
            .fetch_one(&pool)
            .await?;
    assert_eq!(stored.1, ada.id);
    let text = String::from_utf8_lossy(&stored.0);
    assert!(!text.contains("api_key") && !text.contains("ak_"), "{text}");

    sqlx::query("update work.idempotency set expires_at = now()").execute(&pool).await?;
    let second = send(make(), "k").await?;
    assert!(!second.is_replayed && second.status == 201);
    assert_ne!(second.json()["id"], first.json()["id"]);
    Ok(())
}
