//! What people tell of themselves.

use serde_json::{Value, json};
use tests::json;

use super::Scene;

impl Scene {
    async fn patch(&self, path: &str, body: &Value, status: u16) -> anyhow::Result<Value> {
        json(self.ada.asks(self.program.patch(path, body)).send().await?, status).await
    }
}

#[tokio::test]
async fn a_profile_is_changed_field_by_field_and_shown() -> anyhow::Result<()> {
    let scene = Scene::open().await?;
    let change = json!({
        "preferred_name": "Ada", "full_name": "Augusta Ada King", "username": "ada",
        "avatar_url": "https://example.org/ada.png", "github_username": "ada-l",
    });

    scene.patch("/v1/auth/me", &change, 200).await?;
    let renamed = json!({ "name": "Countess", "username": null });
    let me = scene.patch("/api/v1/users/me", &renamed, 200).await?;

    let shown = json(scene.ada.asks(scene.program.get("/v1/auth/me")).send().await?, 200).await?;
    assert_eq!(me, shown);
    assert_eq!(shown["name"], "Countess");
    assert_eq!(shown["preferred_name"], "Ada");
    assert_eq!(shown["full_name"], "Augusta Ada King");
    assert_eq!(shown["username"], "ada@example.org");
    assert_eq!(shown["avatar_url"], "https://example.org/ada.png");
    assert_eq!(shown["github_username"], "ada-l");
    Ok(())
}

#[tokio::test]
async fn nobody_gives_themselves_a_role_a_proof_or_an_id() -> anyhow::Result<()> {
    let scene = Scene::open().await?;
    for body in [
        json!({ "role": "SUPERUSER" }),
        json!({ "is_superuser": true }),
        json!({ "email_verified": true }),
        json!({ "verified": true }),
        json!({ "id": "018f0000-0000-7000-8000-000000000000" }),
        json!({ "email": "eve@example.org" }),
        json!({ "name": "Ada", "nonsense": 1 }),
        json!({ "avatar_url": "javascript:alert(1)" }),
        json!({ "username": "<b>" }),
        json!({ "name": "a\nb" }),
        json!({ "name": 7 }),
    ] {
        scene.patch("/v1/auth/me", &body, 422).await?;
    }
    let me = json(scene.ada.asks(scene.program.get("/v1/auth/me")).send().await?, 200).await?;
    assert_eq!((&me["role"], &me["id"]), (&json!("USER"), &json!(scene.ada.id)));
    assert_eq!(me["name"], "Ada Lovelace");
    Ok(())
}
