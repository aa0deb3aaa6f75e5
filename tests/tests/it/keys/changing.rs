//! Keys are changed, turned off and on, and get other secrets.

use std::time::Duration;

use serde_json::{Value, json};
use sqlx::PgPool;
use tests::json;

use super::{Scene, parts};
use crate::{person::Person, projections::running::eventually};

#[tokio::test]
async fn a_key_is_changed_turned_off_and_on_again() -> anyhow::Result<()> {
    let scene = Scene::set().await?;
    let (key, id) = scene.ada_key().await?;
    let path = format!("/v1/api-keys/{id}");
    let put = |change: Value| scene.program.put(&path, &change);

    let changed = json!({ "name": "Deploy", "scopes": ["chat", "account"], "is_active": false });
    let changed = scene.ask(&scene.ada, put(changed), 200).await?;

    let shown = |field: &str| (changed[field].clone(), changed["data"][field].clone());
    assert_eq!(shown("name"), (json!("Deploy"), json!("Deploy")));
    assert_eq!(changed["scopes"], json!(["account", "chat"]));
    assert_eq!(
        (changed["is_active"].clone(), changed["status"].clone()),
        (json!(false), json!("inactive"))
    );
    assert_eq!(scene.opens(&key).await?, 401);
    let refused = scene.program.post(&format!("{path}/regenerate"), &json!({}));
    assert_eq!(scene.ask(&scene.ada, refused, 409).await?["code"], "api_key_inactive");
    scene.ask(&scene.ada, put(json!({ "is_active": true })), 200).await?;
    assert_eq!(scene.opens(&key).await?, 200);
    for wrong in [
        json!({ "scopes": ["everything"] }),
        json!({ "expires_at": "2020-01-01T00:00:00Z" }),
        json!({ "name": "" }),
        json!({ "is_active": "yes" }),
    ] {
        scene.ask(&scene.ada, put(wrong), 422).await?;
    }
    scene.ask(&scene.ada, scene.program.delete(&path), 200).await?;
    let late = scene.ask(&scene.ada, put(json!({ "is_active": true })), 409).await?;
    assert_eq!(late["code"], "api_key_revoked");
    assert_eq!(scene.opens(&key).await?, 401);
    Ok(())
}

#[tokio::test]
async fn both_secrets_are_good_for_a_while_and_a_new_one_at_once_ends_all_others()
-> anyhow::Result<()> {
    let mut scene = Scene::set().await?;
    let (first, id) = scene.ada_key().await?;
    let path = |what: &str| format!("/v1/api-keys/{id}/{what}");

    let rotate = scene.program.post(&path("rotate"), &json!({ "overlap_seconds": 3 }));
    let rotated = scene.ask(&scene.ada, rotate, 200).await?;

    let (second, _) = parts(&rotated)?;
    assert_ne!(first, second);
    assert!(rotated["old_key_expires_at"].is_string(), "{rotated}");
    assert_eq!((scene.opens(&first).await?, scene.opens(&second).await?), (200, 200));
    eventually("the old secret ends", || async { Ok(scene.opens(&first).await? == 401) }).await?;
    assert_eq!(scene.opens(&second).await?, 200);

    let again = scene.ask(&scene.ada, scene.program.post(&path("rotate"), &json!({})), 200).await?;
    let (third, _) = parts(&again)?;
    let anew = scene.program.post(&path("regenerate"), &json!({}));
    let (last, _) = parts(&scene.ask(&scene.ada, anew, 200).await?)?;
    for dead in [&first, &second, &third] {
        assert_eq!(scene.opens(dead).await?, 401);
    }
    scene.program.restart().await?;
    assert_eq!((scene.opens(&last).await?, scene.opens(&third).await?), (200, 401));
    let long = scene.program.post(&path("rotate"), &json!({ "overlap_seconds": 2_592_001 }));
    scene.ask(&scene.ada, long, 422).await?;
    Ok(())
}

#[tokio::test]
async fn parallel_rotations_leave_one_secret_and_the_one_before_it() -> anyhow::Result<()> {
    let scene = Scene::set().await?;
    let (first, id) = scene.ada_key().await?;
    let path = format!("/v1/api-keys/{id}/rotate");
    let rotate = || scene.ada.asks(scene.program.post(&path, &json!({}))).send();

    let answers = futures_util::future::try_join_all((0..8).map(|_| rotate())).await?;

    let mut secrets = vec![first];
    for answer in answers {
        // Whoever came too late three times is told to come back.
        if answer.status() != 503 && answer.status() != 409 {
            secrets.push(parts(&json(answer, 200).await?)?.0);
        }
    }
    assert!(secrets.len() > 1);
    let mut good = 0;
    for secret in &secrets {
        good += u32::from(scene.opens(secret).await? == 200);
    }
    assert_eq!(good, 2, "of {}", secrets.len());
    Ok(())
}

#[tokio::test]
async fn what_a_key_did_is_counted_by_day() -> anyhow::Result<()> {
    let scene = Scene::set().await?;
    let (key, id) = scene.ada_key().await?;
    for _ in 0..3 {
        assert_eq!(scene.opens(&key).await?, 200);
    }

    let path = format!("/v1/api-keys/{id}/usage");
    let usage = || scene.ask(&scene.ada, scene.program.get(&path), 200);
    eventually("it is counted", || async { Ok(usage().await?["total_requests"] == 3) }).await?;

    let pool = PgPool::connect(&scene.program.database_url()).await?;
    sqlx::query(
        "insert into work.api_key_use (key_id, day, owner_id, requests, last_used_at)
        select key_id, day - 2, owner_id, 7, last_used_at - interval '2 days' from work.api_key_use",
    )
    .execute(&pool)
    .await?;
    let usage = usage().await?;
    let days = usage["daily_usage"].as_array().cloned().unwrap_or_default();
    let requests: Vec<i64> = days.iter().filter_map(|day| day["requests"].as_i64()).collect();
    assert_eq!((days.len(), &requests[26..]), (30, &[0, 7, 0, 3][..]));
    assert_eq!(
        (usage["total_requests"].as_i64(), usage["requests_today"].as_i64()),
        (Some(10), Some(3))
    );
    let list = scene.ask(&scene.ada, scene.program.get("/v1/api-keys"), 200).await?;
    assert_eq!(list["data"][0]["usage_count"], 10);
    assert_eq!(list["data"][0]["last_used_at"], usage["last_used"]);
    let eve = Person::register(&scene.program, "eve@example.org").await?;
    scene.ask(&eve, scene.program.get(&path), 404).await?;
    Ok(())
}

#[tokio::test]
async fn keys_are_found_by_what_they_are() -> anyhow::Result<()> {
    let scene = Scene::set().await?;
    for name in ["Backup 100%", "Deploy", "backup_two"] {
        scene.key(&scene.ada, &json!({ "name": name })).await?;
    }
    let (_, gone) = scene.ada_key().await?;
    scene.ask(&scene.ada, scene.program.delete(&format!("/v1/api-keys/{gone}")), 200).await?;

    for (query, expected) in [
        ("", 4),
        ("?search=BACKUP", 2),
        ("?search=%25", 1),
        ("?search=_", 1),
        ("?search='%20or%201=1%20--", 0),
        ("?search=a%00b", 4),
        ("?is_active=true", 3),
        ("?is_active=false", 1),
        ("?limit=2", 2),
        ("?skip=3", 1),
        ("?skip=9", 0),
    ] {
        let path = format!("/v1/api-keys{query}");
        let list = scene.ask(&scene.ada, scene.program.get(&path), 200).await?;
        assert_eq!(list["data"].as_array().map(Vec::len), Some(expected), "{query}");
    }
    let other = format!("/v1/api-keys?user_id={}", scene.admin.id);
    scene.ask(&scene.ada, scene.program.get(&other), 403).await?;
    let ours = format!("/v1/api-keys?user_id={}", scene.ada.id);
    let list = scene.ask(&scene.admin, scene.program.get(&ours), 200).await?;
    assert_eq!(list["data"].as_array().map(Vec::len), Some(4));
    Ok(())
}

#[tokio::test]
async fn nobody_changes_another_persons_key() -> anyhow::Result<()> {
    let scene = Scene::set().await?;
    let (key, id) = scene.ada_key().await?;
    let eve = Person::register(&scene.program, "eve@example.org").await?;
    let path = format!("/v1/api-keys/{id}");

    let body = json!({ "is_active": false, "name": "mine" });
    scene.ask(&eve, scene.program.put(&path, &body), 404).await?;
    for what in ["rotate", "regenerate"] {
        let request = scene.program.post(&format!("{path}/{what}"), &json!({}));
        scene.ask(&eve, request, 404).await?;
    }

    assert_eq!(scene.opens(&key).await?, 200);
    Ok(())
}

#[tokio::test]
async fn a_stream_ends_when_its_key_gets_another_secret_or_is_turned_off() -> anyhow::Result<()> {
    let scene = Scene::set().await?;
    let (mut key, id) = scene.ada_key().await?;
    let path = format!("/v1/api-keys/{id}");

    for change in ["regenerate", "off"] {
        let stream = scene.program.get("/v1/notifications/stream").header("X-API-Key", &key);
        let stream = stream.send().await?;
        assert_eq!(stream.status(), 200, "{change}");
        if change == "off" {
            let off = scene.program.put(&path, &json!({ "is_active": false }));
            scene.ask(&scene.ada, off, 200).await?;
        } else {
            let anew = scene.program.post(&format!("{path}/regenerate"), &json!({}));
            key = parts(&scene.ask(&scene.ada, anew, 200).await?)?.0;
        }
        let ended = tokio::time::timeout(Duration::from_secs(5), stream.bytes()).await;
        assert!(ended.is_ok(), "{change}: the stream goes on");
    }
    Ok(())
}
