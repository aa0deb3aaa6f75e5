//! Signing in by a mailed link, and who owns an account whose mailbox nobody had proven.

use serde_json::json;
use tests::json;

use super::{NEW, Scene, start};
use crate::person::{PASSWORD, Person};

#[tokio::test]
async fn a_magic_link_signs_in_once_even_if_it_is_followed_ten_times_at_once() -> anyhow::Result<()>
{
    let scene = Scene::open().await?;
    scene.post("/v1/auth/magic-link", &json!({ "email": "Ada@Example.org" }), 200).await?;
    let token = scene.token("ada@example.org", "Your link to sign in").await?;
    let page = format!("/v1/auth/magic-link/verify?token={token}");
    assert!(scene.program.get(&page).send().await?.text().await?.contains("<form"));

    let body = json!({ "token": token });
    let tries = (0..10).map(|_| scene.program.post("/v1/auth/magic-link/verify", &body).send());
    let mut signed_in = Vec::new();
    for answer in futures_util::future::join_all(tries).await {
        let answer = answer?;
        if answer.status().is_success() {
            signed_in.push(Person::from("ada@example.org", &answer.json().await?));
        }
    }

    assert_eq!(signed_in.len(), 1);
    assert_eq!(signed_in[0].id, scene.ada.id);
    assert!(scene.is_signed_in(&signed_in[0]).await?);
    assert!(scene.is_signed_in(&scene.ada).await?, "a verified owner keeps what they have");
    Ok(())
}

#[tokio::test]
async fn who_opened_an_account_with_anothers_address_loses_everything_once_the_owner_comes()
-> anyhow::Result<()> {
    for by_link in [true, false] {
        let (mailbox, program) = start().await?;
        let eve = Person::register(&program, "ada@example.org").await?;
        let key = eve.asks(program.post("/v1/settings/api-keys", &json!({ "name": "mine" })));
        let key = json(key.send().await?, 201).await?["api_key"].as_str().unwrap_or("").to_owned();
        let scene = Scene { program, mailbox, ada: eve };

        if by_link {
            scene.post("/v1/auth/magic-link", &json!({ "email": "ada@example.org" }), 200).await?;
            let token = scene.token("ada@example.org", "Your link to sign in").await?;
            let body = json!({ "token": token });
            let owner = scene.post("/v1/auth/magic-link/verify", &body, 200).await?;
            assert_eq!(owner["user"]["email_verified"], true);
        } else {
            let token = scene.reset_token().await?;
            let body = json!({ "token": token, "new_password": NEW });
            scene.post("/v1/auth/reset-password", &body, 200).await?;
        }

        assert!(!scene.is_signed_in(&scene.ada).await?);
        let refresh = json!({ "refresh_token": scene.ada.refresh });
        scene.post("/v1/auth/refresh", &refresh, 401).await?;
        assert_eq!(scene.sign_in("ada@example.org", PASSWORD).await?, 401);
        let by_key = scene.program.get("/v1/auth/me").header("X-API-Key", &key);
        json(by_key.send().await?, 401).await?;
    }
    Ok(())
}
