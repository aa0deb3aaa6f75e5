//! A person's own history.

use anyhow::ensure;
use base64::{Engine, engine::general_purpose::STANDARD};
use eventlog::{Digest, InclusionProof, PublicKey, TreeHead};
use serde_json::{Value, json};
use tests::json;

use super::scene::{ADDRESS, AGENT, Scene, items, texts};
use crate::person::Person;

#[tokio::test]
async fn a_person_sees_what_happened_from_where_and_by_whom() -> anyhow::Result<()> {
    let scene = Scene::set().await?;
    scene.fail_to_sign_in("198.51.100.66").await?;

    let history = scene.ada("/v1/auth/me/history", 200).await?;

    let expected = [
        "login.failed",
        "settings.communication_changed",
        "session.started",
        "session.started",
        "user.verification_requested",
        "user.registered",
    ];
    assert_eq!(texts(&history, "action"), expected);
    let found = items(&history);
    assert_eq!((&found[0]["by"], &found[1]["by"]), (&json!("unknown"), &json!("you")));
    assert_eq!(found[0]["ip_address"], "198.51.100.66");
    assert_eq!(found[1]["ip_address"], ADDRESS);
    assert_eq!(found[1]["user_agent"], AGENT);
    assert!(found.iter().all(|it| it["position"].as_i64() > Some(0)), "{history}");
    Ok(())
}

#[tokio::test]
async fn nobody_sees_anybody_else_s_history_whatever_they_ask() -> anyhow::Result<()> {
    let scene = Scene::set().await?;
    let eve = Person::register(&scene.program, "eve@example.org").await?;
    let ask = async |query: &str, status| {
        let path = format!("/v1/auth/me/history{query}");
        json(eve.asks(scene.program.get(&path)).send().await?, status).await
    };

    for query in ["", "?cursor=9000000000000000000", &format!("?user_id={}", scene.ada.id)] {
        let own = ask(query, 200).await?;
        assert_eq!(items(&own).len(), 3, "{own}");
        let credentials = texts(&own, "action");
        assert!(!credentials.contains(&"settings.communication_changed".to_owned()), "{own}");
    }
    for forged in ["?cursor=0", "?cursor=-1", "?cursor=x", "?cursor=1' or 1=1", "?action=%27--"] {
        ask(forged, 422).await?;
    }
    json(scene.program.get("/v1/auth/me/history").send().await?, 401).await?;
    Ok(())
}

#[tokio::test]
async fn pages_go_on_where_the_last_one_ended() -> anyhow::Result<()> {
    let scene = Scene::set().await?;
    let all = scene.ada("/v1/auth/me/history?limit=100", 200).await?;

    let (mut paged, mut cursor) = (Vec::new(), String::new());
    loop {
        let path = format!("/v1/auth/me/history?limit=2{cursor}");
        let page = scene.ada(&path, 200).await?;
        assert!(items(&page).len() <= 2);
        paged.extend(items(&page));
        let Some(next) = page["nextCursor"].as_str() else { break };
        cursor = format!("&cursor={next}");
    }

    assert_eq!(paged, items(&all));
    let started = scene.ada("/v1/auth/me/history?action=session.started", 200).await?;
    assert_eq!(texts(&started, "action"), ["session.started"; 2]);
    Ok(())
}

#[tokio::test]
async fn an_api_key_needs_the_scope() -> anyhow::Result<()> {
    let scene = Scene::set().await?;
    for (scope, status) in [("chat", 403), ("account", 200)] {
        let body = json!({ "name": scope, "scopes": [scope] });
        let request = scene.ada.asks(scene.program.post("/v1/settings/api-keys", &body));
        let made = json(request.send().await?, 201).await?;

        let key = made["api_key"].as_str().unwrap_or_default();
        let request = scene.program.get("/v1/auth/me/history").header("x-api-key", key);
        json(request.send().await?, status).await?;
    }
    Ok(())
}

/// Checks every proof of a history as somebody would who has nothing but the file and the key.
fn check(history: &Value, key: &PublicKey) -> anyhow::Result<()> {
    let head: TreeHead = serde_json::from_value(history["root"]["tree_head"].clone())?;
    head.verify(key)?;
    ensure!(!items(history).is_empty(), "nothing is proven");
    for item in items(history) {
        let proof: InclusionProof = serde_json::from_value(item["proof"]["inclusion"].clone())?;
        let leaf = STANDARD.decode(item["proof"]["leaf"].as_str().unwrap_or_default())?;
        let action = item["action"].as_str().unwrap_or_default().as_bytes();
        let is_at_its_place = Some(proof.position) == item["position"].as_i64()
            && leaf[1..9] == proof.position.to_be_bytes();
        ensure!(is_at_its_place, "another position: {item}");
        ensure!(leaf.windows(action.len()).any(|part| part == action), "another event: {item}");
        ensure!(Digest::of_leaf(&leaf) == proof.leaf, "another leaf: {item}");
        ensure!(proof.size == head.size && proof.proves(head.root), "not in the tree: {item}");
    }
    Ok(())
}

#[tokio::test]
async fn a_history_proves_itself_on_demand_and_as_a_file() -> anyhow::Result<()> {
    let scene = Scene::set().await?;

    let plain = scene.ada("/v1/auth/me/history", 200).await?;
    let proven = scene.ada("/v1/auth/me/history?proofs=true&limit=2", 200).await?;
    let request = scene.ada.asks(scene.program.get("/v1/auth/me/history/export"));
    let answer = request.send().await?;
    let attached = answer.headers()["content-disposition"].to_str()?.to_owned();
    let file = json(answer, 200).await?;

    assert!(plain.get("root").is_none() && items(&plain)[0].get("proof").is_none());
    let key = file["root"]["public_key"].as_str().unwrap_or_default().parse::<PublicKey>()?;
    check(&proven, &key)?;
    check(&file, &key)?;
    assert!(attached.starts_with("attachment"), "{attached}");
    assert_eq!(
        (&file["form"], &file["user_id"]),
        (&json!("annals-history-1"), &json!(scene.ada.id))
    );
    assert_eq!(items(&file).len(), items(&plain).len());

    let mut forged = file.clone();
    forged["items"][0]["proof"] = file["items"][1]["proof"].clone();
    assert!(check(&forged, &key).is_err(), "the proof of another event is none of this one");
    Ok(())
}

/// What the program says of a file, without the log; and whether it proves anything.
fn offline(scene: &Scene, file: &Value, key: &str) -> anyhow::Result<(bool, Value)> {
    let path = scene.program.data().join("history.json");
    std::fs::write(&path, file.to_string())?;
    let path = path.to_string_lossy().into_owned();
    let checked = scene.program.run_bare(&["log", "verify", "--offline", &path, "--key", key])?;
    Ok((checked.status.success(), serde_json::from_slice(&checked.stdout)?))
}

#[tokio::test]
async fn a_file_of_ones_history_is_checked_by_the_program_without_the_log() -> anyhow::Result<()> {
    let scene = Scene::set().await?;
    // Of what an administrator does only the digest is told.
    let notice =
        json!({ "user_id": scene.ada.id, "title": "Hello", "message": "Hi", "type": "info" });
    let notice = scene.admin.asks(scene.program.post("/v1/notifications", &notice));
    json(notice.send().await?, 201).await?;
    let file = scene.ada("/v1/auth/me/history/export", 200).await?;
    let key = scene.program.run(&["log", "key"])?;
    let key = String::from_utf8(key.stdout)?.trim().to_owned();

    let (is_proven, report) = offline(&scene, &file, &key)?;

    assert!(is_proven, "{report}");
    let told = report["proven"].to_string();
    let count = items(&file).len();
    assert!(told.contains(&format!("{} items stand at their positions", count - 1)), "{told}");
    assert!(told.contains("1 further events stand at their positions"), "{told}");
    let own = items(&file).iter().position(|it| it["by"] == "you").unwrap_or_default();
    let position = file["items"][own]["position"].clone();
    for (field, value) in [
        ("action", json!("user.registered")),
        ("timestamp", json!("2026-01-01T00:00:00Z")),
        ("resource_id", json!(scene.admin.id)),
        ("proof", file["items"][own + 1]["proof"].clone()),
    ] {
        let mut forged = file.clone();
        forged["items"][own][field] = value;
        let (is_proven, report) = offline(&scene, &forged, &key)?;
        assert!(!is_proven && report["fault"]["position"] == position, "{field}: {report}");
        assert_eq!(report["proven"], json!([]));
    }
    let other = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
    assert!(!offline(&scene, &file, other)?.0);
    Ok(())
}
