//! kill -9 between the commit and the answer: the next try finds what was done and does the rest.

use std::time::Duration;

use serde_json::{Value, json};
use sqlx::PgPool;
use tests::{Program, Setup, provider::Reply};

use super::{
    chats::{Scene, ask},
    scene::{Answer, database, events, has_cluster, insist},
};
use crate::person::{PASSWORD, Person};

/// From now on no answer can be kept: what would keep it never returns.
async fn stall(pool: &PgPool) -> anyhow::Result<()> {
    for statement in [
        "create function stall() returns trigger language plpgsql as
            $$ begin perform pg_sleep(600); return new; end $$",
        "create trigger stall before update on work.idempotency for each row
            when (new.answer is not null) execute function stall()",
    ] {
        sqlx::query(statement).execute(pool).await?;
    }
    Ok(())
}

/// Kills the program once an answer is made and cannot be kept, and starts it again.
async fn crash(program: &mut Program, pool: &PgPool) -> anyhow::Result<()> {
    let stalled =
        "from pg_stat_activity where datname = current_database() and wait_event = 'PgSleep'";
    let count = format!("select count(*) {stalled}");
    while sqlx::query_scalar::<_, i64>(sqlx::AssertSqlSafe(count.as_str())).fetch_one(pool).await?
        == 0
    {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    program.kill();
    let end = format!("select pg_terminate_backend(pid) {stalled}");
    sqlx::query(sqlx::AssertSqlSafe(end)).execute(pool).await?;
    sqlx::query("drop trigger stall on work.idempotency").execute(pool).await?;
    program.restart().await
}

/// Sends a request, crashes before its answer is kept, and sends it again.
async fn crash_between(
    program: &mut Program,
    pool: &PgPool,
    request: impl Fn(&Program) -> reqwest::RequestBuilder,
) -> anyhow::Result<Answer> {
    stall(pool).await?;
    let first = request(program).header("Idempotency-Key", "once");
    let first = tokio::spawn(async move { first.send().await });
    crash(program, pool).await?;
    assert!(first.await?.is_err(), "the kill came too late to prove anything");
    insist(&request(program), "once").await
}

#[tokio::test]
async fn a_registration_that_was_cut_off_is_answered_and_not_repeated() -> anyhow::Result<()> {
    if !has_cluster() {
        return Ok(());
    }
    let mut program = Setup::default().start().await?;
    let pool = database(&program).await?;
    let before = events(&pool, "user.registered").await?.0;
    let body = json!({ "email": "ada@example.org", "password": PASSWORD, "name": "Ada" });

    let answer =
        crash_between(&mut program, &pool, |it| it.post("/v1/auth/register", &body)).await?;

    assert_eq!((answer.status, answer.is_replayed), (201, false), "{answer:?}");
    let (registered, user) = events(&pool, "user.registered").await?;
    assert_eq!(registered, before + 1);
    assert_eq!(answer.json()["user"]["id"], user.as_str());
    assert_eq!(events(&pool, "session.started").await?.0, 1);
    let token = answer.json()["access_token"].as_str().unwrap_or_default().to_owned();
    assert!(program.get("/v1/auth/me").bearer_auth(&token).send().await?.status().is_success());
    let again = insist(&program.post("/v1/auth/register", &body), "once").await?;
    assert_eq!(again, answer.again());
    Ok(())
}

#[tokio::test]
async fn an_api_key_whose_answer_was_cut_off_is_the_one_that_was_made() -> anyhow::Result<()> {
    if !has_cluster() {
        return Ok(());
    }
    let mut program = Setup::default().start().await?;
    let pool = database(&program).await?;
    let ada = Person::register(&program, "ada@example.org").await?;
    let make = |it: &Program| ada.asks(it.post("/v1/settings/api-keys", &json!({ "name": "ci" })));

    let answer = crash_between(&mut program, &pool, make).await?;

    assert_eq!(answer.status, 201, "{answer:?}");
    let (count, id) = events(&pool, "api_key.created").await?;
    assert_eq!((count, &answer.json()["id"]), (1, &json!(id)));
    let key = answer.json()["api_key"].as_str().unwrap_or_default().to_owned();
    let me = program.get("/v1/auth/me").header("X-API-Key", key).send().await?;
    assert!(me.status().is_success(), "the key that is shown is the key that was stored");
    Ok(())
}

#[tokio::test]
async fn a_chat_whose_answer_was_cut_off_is_answered_from_its_run() -> anyhow::Result<()> {
    if !has_cluster() {
        return Ok(());
    }
    let Scene { mut program, provider, ada } = Scene::set().await?;
    let pool = database(&program).await?;
    provider.script([Reply::Text("Only once.".into())]);
    let chat = |it: &Program| ada.asks(it.post("/v1/chat/completions", &ask(false)));

    let answer = crash_between(&mut program, &pool, chat).await?;

    assert_eq!(answer.json()["choices"][0]["message"]["content"], "Only once.", "{answer:?}");
    assert_eq!(answer.json()["session_id"], events(&pool, "chat.run_requested").await?.1.as_str());
    assert_eq!(events(&pool, "chat.run_requested").await?.0, 1);
    assert_eq!(provider.journal().len(), 1);
    Ok(())
}

#[tokio::test]
async fn a_chat_that_was_cut_off_in_its_middle_is_followed_to_its_end() -> anyhow::Result<()> {
    if !has_cluster() {
        return Ok(());
    }
    let Scene { mut program, provider, ada } = Scene::set().await?;
    let pool = database(&program).await?;
    let slow = Reply::After { milliseconds: 60_000, reply: Box::new(Reply::Text("late".into())) };
    provider.script([slow]);
    provider.otherwise(Reply::Text("At last.".into()));
    let chat = |it: &Program| ada.asks(it.post("/v1/chat/completions", &ask(false)));
    let first = chat(&program).header("Idempotency-Key", "once");
    let first = tokio::spawn(async move { first.send().await });
    while provider.journal().is_empty() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }

    program.kill();
    assert!(first.await?.is_err());
    program.restart().await?;
    let answer = insist(&chat(&program), "once").await?;

    let said: Value = answer.json()["choices"][0]["message"]["content"].clone();
    assert_eq!(said, "At last.", "{answer:?}");
    assert_eq!(events(&pool, "chat.run_requested").await?.0, 1);
    Ok(())
}
