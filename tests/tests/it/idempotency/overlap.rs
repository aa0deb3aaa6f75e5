//! Two tries of one request at once: the first sleeps past its lease, and wakes up again.

use std::time::Duration;

use reqwest::RequestBuilder;
use sqlx::{PgPool, Postgres, Transaction};
use tests::{Program, provider::Reply};
use tokio::task::JoinHandle;

use super::{
    chats::{Scene, ask},
    scene::{Answer, database, events, has_cluster, insist},
};

/// Keeps everybody from appending until it is dropped.
async fn hold(pool: &PgPool) -> anyhow::Result<Transaction<'static, Postgres>> {
    let mut held = pool.begin().await?;
    sqlx::query("select position from log.head for update").execute(&mut *held).await?;
    Ok(held)
}

/// Waits until so many appends wait.
async fn waiting(pool: &PgPool, count: i64) -> anyhow::Result<()> {
    let sql = "select count(*) from pg_stat_activity where datname = current_database()
        and wait_event_type = 'Lock' and query ~ 'log[.]append_'";
    for _ in 0..2000 {
        if sqlx::query_scalar::<_, i64>(sql).fetch_one(pool).await? >= count {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    anyhow::bail!("{count} appends never wait")
}

fn sent(request: RequestBuilder) -> JoinHandle<anyhow::Result<Answer>> {
    tokio::spawn(async move { insist(&request, "once").await })
}

#[tokio::test]
async fn of_two_tries_that_overlap_the_log_says_who_drives_the_chat() -> anyhow::Result<()> {
    if !has_cluster() {
        return Ok(());
    }
    let Scene { program, provider, ada } = Scene::set().await?;
    let twin = program.twin()?.start().await?;
    let pool = database(&program).await?;
    provider.script([Reply::Text("Only once.".into())]);
    provider.otherwise(Reply::Text("Once more.".into()));
    let chat = |it: &Program| ada.asks(it.post("/v1/chat/completions", &ask(false)));

    let held = hold(&pool).await?;
    let first = sent(chat(&program));
    waiting(&pool, 1).await?;
    program.signal("STOP")?;
    let second = sent(chat(&twin));
    waiting(&pool, 2).await?;
    held.rollback().await?;
    // The second try has found what the first one had written, and follows its run.
    while events(&pool, "chat.run_requested").await?.0 == 0 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    tokio::time::sleep(Duration::from_millis(500)).await;
    let asked_by_second = provider.journal().len();
    program.signal("CONT")?;
    let (first, second) = (first.await??, second.await??);

    assert_eq!(asked_by_second, 0, "the run is the first try's");
    for answer in [&first, &second] {
        assert_eq!(answer.json()["choices"][0]["message"]["content"], "Only once.", "{answer:?}");
    }
    assert_eq!(first.json()["session_id"], second.json()["session_id"]);
    assert_eq!(events(&pool, "chat.run_requested").await?.0, 1);
    assert_eq!(events(&pool, "chat.model_called").await?.0, 1);
    assert_eq!(provider.journal().len(), 1);
    Ok(())
}
