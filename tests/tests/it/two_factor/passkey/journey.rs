//! Registering passkeys, signing in with them, removing them.

use serde_json::json;
use tests::json;

use super::{
    super::scene::{ADA, ADMIN, Scene, text},
    device::Device,
};
use crate::person::{PASSWORD, Person};

#[tokio::test]
async fn a_passkey_is_a_second_factor_also_across_a_restart() -> anyhow::Result<()> {
    let mut scene = Scene::set().await?;
    let mut telephone = Device { is_lax: true, ..Device::default() };
    let registered = scene.register(&scene.ada, &mut telephone, "Telephone").await?;
    assert_eq!(registered["backup_codes"].as_array().map(Vec::len), Some(10));
    scene.mailbox.mail_about(ADA, "A passkey was registered").await?;
    let me = json(scene.ada.asks(scene.program.get("/v1/auth/me")).send().await?, 200).await?;
    assert_eq!(me["two_factor_enabled"], true);
    assert_eq!(scene.status().await?["methods"], json!(["passkey", "backup_code"]));

    let challenge = scene.challenge().await?;
    let asked = scene.asked(&json!({ "challenge_token": challenge })).await?;
    assert_eq!(asked["publicKey"]["userVerification"], "preferred");
    assert_eq!(asked["publicKey"]["allowCredentials"].as_array().map(Vec::len), Some(1));
    let body = scene.says(&mut telephone, &asked)?;
    scene.program.restart().await?;
    let answer = scene.shows(&body, 200).await?;

    scene.ada.access = text(&answer["access_token"]);
    json(scene.ada.asks(scene.program.get("/v1/auth/me")).send().await?, 200).await?;
    assert_eq!(answer["remaining_codes"], 10);
    let passkeys = scene.passkeys().await?;
    assert_eq!(passkeys[0]["name"], "Telephone");
    assert!(passkeys[0]["last_used_at"].is_string(), "{passkeys:?}");
    Ok(())
}

#[tokio::test]
async fn a_passkey_is_a_way_in_of_its_own() -> anyhow::Result<()> {
    let scene = Scene::set().await?;
    let mut telephone = Device { counts: true, ..Device::default() };
    scene.register(&scene.ada, &mut telephone, "Telephone").await?;

    let asked = scene.asked(&json!({})).await?;
    assert_eq!(asked["publicKey"]["userVerification"], "required");
    assert_eq!(asked["publicKey"]["rpId"], "localhost");
    assert_eq!(asked["publicKey"]["allowCredentials"], json!([]), "nobody is named");
    let body = scene.says(&mut telephone, &asked)?;
    let request = scene.program.post("/v1/auth/2fa/webauthn/login/finish", &body);
    let answer = request.send().await?;
    let cookie = answer.headers().get("set-cookie").and_then(|it| it.to_str().ok());
    assert!(cookie.is_some_and(|it| it.starts_with("annals_known=")), "{cookie:?}");
    let ada = Person::from(ADA, &json(answer, 200).await?);

    assert_eq!(ada.id, scene.ada.id);
    json(ada.asks(scene.program.get("/v1/auth/me")).send().await?, 200).await?;
    let ways = scene.sign_ins("signed_in").await?;
    assert_eq!(ways.first().map(String::as_str), Some("passkey"), "{ways:?}");
    scene.comes_with(&mut telephone).await?;
    Ok(())
}

#[tokio::test]
async fn a_passkey_that_is_shown_once_more_opens_what_a_session_alone_does_not()
-> anyhow::Result<()> {
    let mut scene = Scene::set().await?;
    let mut telephone = Device::default();
    scene.register(&scene.ada, &mut telephone, "Telephone").await?;
    let challenge = scene.challenge().await?;
    let asked = scene.asked(&json!({ "challenge_token": challenge })).await?;
    let mut body = scene.says(&mut telephone, &asked)?;
    body["remember_device"] = json!(true);
    let device = text(&scene.shows(&body, 200).await?["device_token"]);
    let body = json!({ "email": ADA, "password": PASSWORD });
    let login = scene.program.post("/v1/auth/login", &body).header("x-device-token", device);
    scene.ada = Person::from(ADA, &json(login.send().await?, 200).await?);
    let id = text(&scene.passkeys().await?[0]["id"]);

    let refused = scene.removes(&id, &json!({}), 403).await?;
    assert_eq!(refused["code"], "step_up_required");
    scene.ask("/v1/auth/2fa/webauthn/register/start", &json!({}), 403).await?;
    scene.steps_up(&scene.ada, &mut telephone, 200).await?;
    scene.ask("/v1/auth/2fa/webauthn/register/start", &json!({}), 200).await?;

    let path = format!("/v1/auth/2fa/webauthn/{id}");
    json(scene.ada.asks(scene.program.delete(&path)).send().await?, 200).await?;
    assert_eq!(scene.status().await?["enabled"], false, "it was the last factor");
    scene.mailbox.mail_about(ADA, "A passkey was removed").await?;
    scene.mailbox.mail_about(ADA, "Two-factor authentication was turned off").await?;
    Person::sign_in(&scene.program, ADA, PASSWORD).await?;
    Ok(())
}

#[tokio::test]
async fn several_passkeys_have_names_and_go_one_by_one() -> anyhow::Result<()> {
    let scene = Scene::set().await?;
    let (mut telephone, mut key) = (Device::default(), Device::default());
    let first = scene.register(&scene.ada, &mut telephone, "Telephone").await?;
    // From here on a passkey or a code is asked for.
    scene.ask("/v1/auth/2fa/webauthn/register/start", &json!({}), 403).await?;
    scene.steps_up(&scene.ada, &mut telephone, 200).await?;
    let second = scene.register(&scene.ada, &mut key, "Key").await?;
    assert!(second.get("backup_codes").is_none(), "the codes stay as they are");
    let twice = scene.register(&scene.ada, &mut telephone, "Telephone again").await;
    assert!(twice.is_err(), "a browser does not register a device twice");

    let passkeys = scene.passkeys().await?;
    let names: Vec<_> = passkeys.iter().map(|passkey| text(&passkey["name"])).collect();
    assert_eq!(names, ["Telephone", "Key"]);
    scene.removes(&text(&passkeys[0]["id"]), &json!({}), 200).await?;
    scene.removes(&text(&passkeys[0]["id"]), &json!({}), 404).await?;

    let asked = scene.asked(&json!({})).await?;
    let body = scene.says(&mut telephone, &asked)?;
    assert_eq!(scene.shows(&body, 401).await?["code"], "wrong_passkey");
    scene.comes_with(&mut key).await?;
    let proof = json!({ "password": PASSWORD, "code": first["backup_codes"][0] });
    scene.removes("", &proof, 200).await?;
    assert_eq!(scene.status().await?["enabled"], false);
    Ok(())
}

#[tokio::test]
async fn an_administrator_who_resets_factors_removes_passkeys_and_erasing_forgets_them()
-> anyhow::Result<()> {
    let mut scene = Scene::set().await?;
    let mut telephone = Device::default();
    scene.register(&scene.ada, &mut telephone, "Telephone").await?;
    assert_eq!(scene.secrets().await?, 2, "the key and the backup codes");
    let admin = Person::sign_in(&scene.program, ADMIN, PASSWORD).await?;
    let path = format!("/v1/admin/users/{}/reset-two-factor", scene.ada.id);
    json(admin.asks(scene.program.post(&path, &json!({}))).send().await?, 200).await?;

    let asked = scene.asked(&json!({})).await?;
    let body = scene.says(&mut telephone, &asked)?;
    scene.shows(&body, 401).await?;
    assert_eq!(scene.passkeys().await?.len(), 0);

    scene.ada = Person::sign_in(&scene.program, ADA, PASSWORD).await?;
    let registered = scene.register(&scene.ada, &mut Device::default(), "Telephone").await?;
    let wish = json!({ "password": PASSWORD, "code": registered["backup_codes"][0] });
    let account = scene.program.delete("/v1/auth/account").json(&wish);
    json(scene.ada.asks(account).send().await?, 200).await?;
    assert_eq!(scene.secrets().await?, 0);
    Ok(())
}
