//! What administrators do about keys, and what they cannot.

use serde_json::{Value, json};

use super::{Scene, parts};
use crate::{person::Person, projections::running::eventually};

#[tokio::test]
async fn an_administrator_sees_limits_turns_off_and_revokes_keys() -> anyhow::Result<()> {
    let scene = Scene::set().await?;
    let (key, id) = scene.ada_key().await?;
    let path = |what: &str| format!("/v1/admin/keys/{id}{what}");
    let admin = |request, status| scene.ask(&scene.admin, request, status);
    let post = |what: &str| scene.program.post(&path(what), &json!({}));

    let all = admin(scene.program.get("/admin/keys"), 200).await?;
    let item = &all["data"]["items"][0];
    assert_eq!(
        (item["user_id"].as_str(), item["name"].as_str()),
        (Some(&*scene.ada.id), Some("ci"))
    );
    let preview = item["key_preview"].as_str().unwrap_or_default().trim_end_matches('.').to_owned();
    assert!(key.starts_with(&preview) && preview.len() < 20, "{preview}");
    assert!(!all.to_string().contains(&key));

    let rate = json!({ "rate_limit": 600, "window_seconds": 30 });
    let limited = admin(scene.program.put(&path("/rate-limit"), &rate), 200).await?;
    assert_eq!(limited["data"]["rate_limit"], 600);
    assert_eq!(limited["data"]["window_seconds"], 30);
    for wrong in [json!({ "rate_limit": 0 }), json!({ "rate_limit": 1, "window_seconds": 86_401 })]
    {
        admin(scene.program.put(&path("/rate-limit"), &wrong), 422).await?;
    }
    let free = json!({ "rate_limit": null });
    let free = admin(scene.program.put(&path("/rate-limit"), &free), 200).await?;
    assert_eq!(free["data"]["rate_limit"], Value::Null);

    admin(post("/deactivate"), 200).await?;
    assert_eq!(scene.opens(&key).await?, 401);
    assert_eq!(admin(scene.program.get(&path("")), 200).await?["data"]["status"], "inactive");
    admin(post("/activate"), 200).await?;
    assert_eq!(scene.opens(&key).await?, 200);
    let counted = || admin(scene.program.get(&path("/usage")), 200);
    eventually("counted", || async { Ok(counted().await?["data"]["total_requests"] == 1) }).await?;
    admin(scene.program.delete(&path("")), 200).await?;
    assert_eq!(scene.opens(&key).await?, 401);
    Ok(())
}

#[tokio::test]
async fn an_administrator_makes_keys_for_people_and_the_log_says_who_did() -> anyhow::Result<()> {
    let scene = Scene::set().await?;
    let new = json!({ "user_id": scene.ada.id, "name": "for ada", "scopes": ["account"], "rate_limit": 5 });

    let made = scene.ask(&scene.admin, scene.program.post("/v1/admin/keys", &new), 201).await?;

    let (key, id) = parts(&made)?;
    let me = scene.program.get("/v1/auth/me").header("X-API-Key", &key);
    assert_eq!(tests::json(me.send().await?, 200).await?["id"], scene.ada.id.as_str());
    let own = scene.ask(&scene.ada, scene.program.get("/v1/api-keys"), 200).await?;
    assert_eq!(own["data"][0]["id"], id.as_str());
    let path = format!("/v1/admin/audit/user/{}?action=api_key.created", scene.ada.id);
    let audit = scene.ask(&scene.admin, scene.program.get(&path), 200).await?;
    assert_eq!(audit["items"][0]["user_id"], scene.admin.id.as_str(), "{audit}");
    let nobody = json!({ "user_id": "00000000-0000-7000-8000-00000000dead", "name": "x" });
    scene.ask(&scene.admin, scene.program.post("/v1/admin/keys", &nobody), 404).await?;
    Ok(())
}

#[tokio::test]
async fn nobody_else_and_no_key_administers_keys() -> anyhow::Result<()> {
    let scene = Scene::set().await?;
    let (ada_key, id) = scene.ada_key().await?;
    let (admin_key, admin_id) = scene.key(&scene.admin, &json!({ "name": "root" })).await?;
    let eve = Person::register(&scene.program, "eve@example.org").await?;
    let (program, body) = (&scene.program, json!({ "name": "x", "rate_limit": 1 }));
    let requests = |id: &str| {
        let path = format!("/v1/admin/keys/{id}");
        [
            program.post("/v1/admin/keys", &body),
            program.delete(&path),
            program.put(&format!("{path}/rate-limit"), &body),
            program.post(&format!("{path}/activate"), &body),
            program.post(&format!("{path}/deactivate"), &body),
        ]
    };

    for request in requests(&admin_id).into_iter().chain([program.get("/v1/admin/keys")]) {
        let refused = scene.ask(&eve, request, 403).await?;
        assert_eq!(refused["code"], "admin_required");
    }
    for request in requests(&id) {
        let refused = request.header("X-API-Key", &admin_key).send().await?;
        assert_eq!(tests::json(refused, 403).await?["code"], "session_required");
    }
    let seen = program.get("/v1/admin/keys").header("X-API-Key", &admin_key).send().await?;
    assert_eq!(seen.status(), 200);
    assert_eq!((scene.opens(&ada_key).await?, scene.opens(&admin_key).await?), (200, 200));
    Ok(())
}
