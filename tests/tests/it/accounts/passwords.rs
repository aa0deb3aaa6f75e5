//! Changing, forgetting and resetting passwords.

use serde_json::{Value, json};
use tests::json;

use super::{ADMIN, NEW, Scene};
use crate::person::{PASSWORD, Person};

#[tokio::test]
async fn a_changed_password_ends_the_other_sessions_and_the_owner_is_told() -> anyhow::Result<()> {
    let scene = Scene::open().await?;
    let phone = Person::sign_in(&scene.program, "ada@example.org", PASSWORD).await?;

    scene.change_password(PASSWORD, NEW).await?;

    assert!(scene.is_signed_in(&scene.ada).await?);
    assert!(!scene.is_signed_in(&phone).await?);
    let refresh = json!({ "refresh_token": phone.refresh });
    scene.post("/v1/auth/refresh", &refresh, 401).await?;
    assert_eq!(scene.sign_in("ada@example.org", PASSWORD).await?, 401);
    assert_eq!(scene.sign_in("ada@example.org", NEW).await?, 200);
    let notice = scene.mail("ada@example.org", "Your password was changed").await?;
    assert!(notice.text().contains("from the address 127.0.0.1"), "{notice:?}");
    Ok(())
}

#[tokio::test]
async fn a_password_is_only_changed_by_who_knows_it_and_to_a_good_one() -> anyhow::Result<()> {
    let scene = Scene::open().await?;
    let path = "/v1/auth/change-password";
    let change =
        |current: &str, new: &str| json!({ "current_password": current, "new_password": new });

    let wrong = scene.ada_posts(path, &change("wrong and long enough", NEW), 403).await?;
    assert_eq!(wrong["code"], "wrong_password");
    for weak in ["short", "password123", "ada@example.org", "my annals password", &"x".repeat(129)]
    {
        let refused = scene.ada_posts(path, &change(PASSWORD, weak), 422).await?;
        assert_eq!(refused["errors"][0]["pointer"], "/new_password", "{refused}");
    }
    scene.post(path, &change(PASSWORD, NEW), 401).await?;
    let key = scene.ada_posts("/v1/settings/api-keys", &json!({ "name": "ci" }), 201).await?;
    let by_key = scene.program.post(path, &change(PASSWORD, NEW));
    let by_key = by_key.header("X-API-Key", key["api_key"].as_str().unwrap_or_default());
    json(by_key.send().await?, 403).await?;

    assert_eq!(scene.sign_in("ada@example.org", PASSWORD).await?, 200);
    Ok(())
}

#[tokio::test]
async fn a_forgotten_password_is_reset_once_ends_all_sessions_and_signs_nobody_in()
-> anyhow::Result<()> {
    let scene = Scene::open().await?;
    let token = scene.reset_token().await?;
    let page = scene.program.get(&format!("/v1/auth/reset-password?token={token}")).send().await?;
    assert!(page.text().await?.contains("new_password"), "a scanner only sees a form");

    let body = json!({ "token": token, "new_password": NEW });
    let tries = (0..10).map(|_| scene.program.post("/v1/auth/reset-password", &body).send());
    let mut won: Vec<Value> = Vec::new();
    for answer in futures_util::future::join_all(tries).await {
        let answer = answer?;
        match answer.status().as_u16() {
            200 => won.push(answer.json().await?),
            status => assert!(status == 422 || status == 409, "{status}"),
        }
    }

    assert_eq!(won.len(), 1, "{won:?}");
    assert!(won[0].get("access_token").is_none(), "{won:?}");
    assert!(!scene.is_signed_in(&scene.ada).await?);
    assert_eq!(scene.sign_in("ada@example.org", PASSWORD).await?, 401);
    assert_eq!(scene.sign_in("ada@example.org", NEW).await?, 200);
    scene.post("/v1/auth/reset-password", &body, 422).await?;
    scene.mail("ada@example.org", "Your password was reset").await?;
    Ok(())
}

#[tokio::test]
async fn asking_for_links_tells_nothing_and_a_host_header_changes_no_link() -> anyhow::Result<()> {
    let scene = Scene::open().await?;
    let mut answers = Vec::new();
    for path in ["/v1/auth/forgot-password", "/v1/auth/magic-link"] {
        for email in ["ada@example.org", "nobody@example.org"] {
            let asked = scene.program.post(path, &json!({ "email": email }));
            let asked =
                asked.header("host", "evil.example").header("x-forwarded-host", "evil.example");
            let answer = asked.send().await?;
            assert!(answer.headers().get("x-log-position").is_none());
            answers.push(json(answer, 200).await?);
        }
    }

    assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
    for subject in ["Choose a new password", "Your link to sign in"] {
        let mail = scene.mail("ada@example.org", subject).await?;
        assert!(mail.text().contains(scene.program.url()) && !mail.text().contains("evil"));
    }
    for list in ["ada@example.org,eve@example.org", "ada@example.org\r\nBcc: eve@example.org"] {
        scene.post("/v1/auth/forgot-password", &json!({ "email": list }), 422).await?;
    }
    let list = json!({ "email": ["ada@example.org", "eve@example.org"] });
    scene.post("/v1/auth/forgot-password", &list, 422).await?;
    Ok(())
}

#[tokio::test]
async fn a_reset_link_is_dead_once_the_password_was_changed() -> anyhow::Result<()> {
    let scene = Scene::open().await?;
    let token = scene.reset_token().await?;
    scene.change_password(PASSWORD, NEW).await?;

    let body = json!({ "token": token, "new_password": "a third walk along the hills" });
    let refused = scene.post("/v1/auth/reset-password", &body, 422).await?;

    assert_eq!(refused["code"], "invalid_token");
    Ok(())
}

#[tokio::test]
async fn one_kind_of_link_is_not_another() -> anyhow::Result<()> {
    let scene = Scene::open().await?;
    let token = scene.reset_token().await?;
    for (path, prefix) in [
        ("/v1/auth/magic-link/verify", "ml_"),
        ("/v1/auth/confirm-email-change", "ec_"),
        ("/v1/auth/verify-email", "ev_"),
        ("/v1/auth/undo", "un_"),
    ] {
        for forged in [token.clone(), token.replacen("pr_", prefix, 1), token[..20].to_owned()] {
            scene.post(path, &json!({ "token": forged }), 422).await?;
        }
    }
    Ok(())
}

#[tokio::test]
async fn an_administrator_has_a_link_mailed_and_sees_no_password() -> anyhow::Result<()> {
    let scene = Scene::open().await?;
    let admin = Person::sign_in(&scene.program, ADMIN, PASSWORD).await?;
    let path = format!("/v1/admin/users/{}/reset-password", scene.ada.id);

    scene.ada_posts(&path, &json!({}), 403).await?;
    let request = admin.asks(scene.program.post(&path, &json!({})));
    let answer = json(request.send().await?, 200).await?;

    assert!(!answer.to_string().contains("token"), "{answer}");
    let token = scene.token("ada@example.org", "Choose a new password").await?;
    let body = json!({ "token": token, "new_password": NEW });
    scene.post("/v1/auth/reset-password", &body, 200).await?;
    let nobody = "/v1/admin/users/018f0000-0000-7000-8000-000000000000/reset-password";
    json(admin.asks(scene.program.post(nobody, &json!({}))).send().await?, 404).await?;
    Ok(())
}
