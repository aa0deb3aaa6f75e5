//! Looking into the log over the API.

use serde_json::{Value, json};
use tests::json;

use super::Scene;

#[tokio::test]
async fn an_administrator_reads_the_log_with_what_is_personal_in_it() -> anyhow::Result<()> {
    let scene = Scene::set().await?;

    let registered = scene.get("/v1/admin/log?type=user.registered", 200).await?;
    let all = scene.get("/v1/admin/log?limit=2", 200).await?;

    let emails: Vec<&str> = registered["events"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|event| event["data"]["email"].as_str())
        .collect();
    assert_eq!(emails, ["admin@example.org", "ada@example.org", "bob@example.org"]);
    assert_eq!(registered["next"], Value::Null);
    let positions: Vec<_> =
        all["events"].as_array().into_iter().flatten().map(|event| &event["position"]).collect();
    assert_eq!(positions, [1, 2]);
    assert_eq!(all["next"], 2);
    Ok(())
}

#[tokio::test]
async fn what_was_erased_is_shown_as_erased() -> anyhow::Result<()> {
    let mut scene = Scene::set().await?;
    let pool = sqlx::PgPool::connect(scene.program.database().unwrap_or_default()).await?;
    let gone = "update vault.subject_key set wrapped_key = null, destroyed_at = now() where subject_id = $1::uuid";
    sqlx::query(gone).bind(&scene.ada.id).execute(&pool).await?;
    pool.close().await;
    // Keys are remembered for a minute.
    scene.program.restart().await?;

    let stream = scene.get(&format!("/v1/admin/streams/{}/events", scene.ada.id), 200).await?;

    assert_eq!(stream["events"][0]["type"], "user.registered");
    assert_eq!(stream["events"][0]["data"]["email"], json!({ "erased": true }));
    Ok(())
}

#[tokio::test]
async fn streams_are_listed_page_by_page() -> anyhow::Result<()> {
    let scene = Scene::set().await?;
    let mut found = Vec::new();
    let mut path = "/v1/admin/streams?limit=2&category=user".to_owned();
    loop {
        let page = scene.get(&path, 200).await?;
        found.extend(page["streams"].as_array().cloned().unwrap_or_default());
        let Some(next) = page["next"].as_str() else { break };
        path = format!("/v1/admin/streams?limit=2&category=user&after={next}");
    }

    assert_eq!(found.len(), 3);
    assert!(found.iter().any(|stream| stream["id"] == scene.ada.id.as_str()));
    assert!(found.iter().all(|stream| stream["category"] == "user"));
    Ok(())
}

#[tokio::test]
async fn wrong_questions_get_clear_answers() -> anyhow::Result<()> {
    let scene = Scene::set().await?;
    let last = scene.sealed().await?;

    for path in [
        "/v1/admin/log?after=-1",
        "/v1/admin/log?after=x",
        "/v1/admin/log?limit=x",
        "/v1/admin/log?type=user.flew",
        "/v1/admin/streams?after=x",
        "/v1/admin/streams?category=ghost",
        "/v1/admin/log/heads?after=-1",
        "/v1/admin/log/proof/1?from=0",
        "/v1/admin/log/proof/1?from=999999",
        "/v1/admin/log/verify?wait=-1",
    ] {
        scene.get(path, 422).await.map_err(|error| error.context(path))?;
    }
    let beyond = format!("/v1/admin/log/proof/{}", last + 1000);
    for path in [
        beyond.as_str(),
        "/v1/admin/log/proof/0",
        "/v1/admin/log/proof/-1",
        "/v1/admin/log/proof/x",
        "/v1/admin/streams/x/events",
        "/v1/admin/streams/00000000-0000-0000-0000-000000000000/events",
    ] {
        scene.get(path, 404).await.map_err(|error| error.context(path.to_owned()))?;
    }
    Ok(())
}

#[tokio::test]
async fn only_administrators_look_into_the_log() -> anyhow::Result<()> {
    let scene = Scene::set().await?;

    for path in [
        "/v1/admin/log",
        "/v1/admin/log/heads",
        "/v1/admin/log/key",
        "/v1/admin/log/checkpoint",
        "/v1/admin/log/proof/1",
        "/v1/admin/log/verify",
        "/v1/admin/streams",
        "/v1/admin/streams/00000000-0000-0000-0000-000000000000/events",
    ] {
        json(scene.ada.asks(scene.program.get(path)).send().await?, 403).await?;
        json(scene.program.get(path).send().await?, 401).await?;
    }
    Ok(())
}
