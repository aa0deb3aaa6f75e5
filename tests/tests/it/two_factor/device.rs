//! Devices that need not show a factor.

use serde_json::{Value, json};
use tests::json;

use super::scene::{ADA, Scene, text};
use crate::person::{PASSWORD, Person};

impl Scene {
    /// Ada answers a challenge with a backup code, and has the device remembered.
    async fn remember(&self, code: &str) -> anyhow::Result<(String, String)> {
        let challenge = self.challenge().await?;
        let body = json!({ "challenge_token": challenge, "code": code, "remember_device": true });
        let answer = self.program.post("/v1/auth/2fa/verify", &body).send().await?;
        let cookie = answer.headers().get("set-cookie").and_then(|it| it.to_str().ok());
        let cookie = cookie.unwrap_or_default().to_owned();
        let answer = json(answer, 200).await?;
        Ok((text(&answer["device_token"]), cookie))
    }

    async fn sign_in_from(&self, header: &str, device: &str, email: &str) -> anyhow::Result<Value> {
        let body = json!({ "email": email, "password": PASSWORD });
        let request = self.program.post("/v1/auth/login", &body).header(header, device);
        json(request.send().await?, 200).await
    }
}

#[tokio::test]
async fn a_remembered_device_is_not_asked_until_it_is_forgotten() -> anyhow::Result<()> {
    let (scene, app) = Scene::with_app().await?;
    let (device, cookie) = scene.remember(&app.backup_codes[0]).await?;
    assert!(cookie.starts_with(&format!("annals_device={device}; ")), "{cookie}");
    assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict"), "{cookie}");

    let by_header = scene.sign_in_from("x-device-token", &device, ADA).await?;
    assert!(by_header["access_token"].is_string(), "{by_header}");
    let cookies = format!("theme=dark; annals_device={device}");
    let by_cookie = scene.sign_in_from("cookie", &cookies, ADA).await?;
    assert!(by_cookie["access_token"].is_string(), "{by_cookie}");
    let cut = scene.sign_in_from("x-device-token", &device[..device.len() - 2], ADA).await?;
    assert_eq!(cut["two_factor_required"], true);

    let list = scene.ada.asks(scene.program.get("/v1/auth/2fa/devices")).send().await?;
    let list = json(list, 200).await?;
    let id = text(&list["devices"][0]["id"]);
    let forget = format!("/v1/auth/2fa/devices/{id}");
    json(scene.ada.asks(scene.program.delete(&forget)).send().await?, 200).await?;
    json(scene.ada.asks(scene.program.delete(&forget)).send().await?, 404).await?;

    let asked = scene.sign_in_from("x-device-token", &device, ADA).await?;
    assert_eq!(asked["two_factor_required"], true);
    Ok(())
}

#[tokio::test]
async fn a_session_of_a_remembered_device_is_no_fresh_proof() -> anyhow::Result<()> {
    let (mut scene, app) = Scene::with_app().await?;
    let (device, _) = scene.remember(&app.backup_codes[0]).await?;

    let tokens = scene.sign_in_from("x-device-token", &device, ADA).await?;
    scene.ada = Person::from(ADA, &tokens);

    scene.ask("/v1/auth/2fa/setup", &json!({}), 403).await?;
    scene.ask("/v1/auth/2fa/setup", &json!({ "password": PASSWORD }), 403).await?;
    let proof = json!({ "password": PASSWORD, "code": app.backup_codes[1] });
    scene.ask("/v1/auth/2fa/setup", &proof, 200).await?;
    Ok(())
}

#[tokio::test]
async fn a_device_of_one_person_is_none_of_another_and_dies_with_the_factor() -> anyhow::Result<()>
{
    let (scene, app) = Scene::with_app().await?;
    let (device, _) = scene.remember(&app.backup_codes[0]).await?;

    let proof = json!({ "password": PASSWORD, "code": app.backup_codes[1] });
    let setup = scene.ask("/v1/auth/2fa/setup", &proof, 200).await?;
    let code = super::scene::code(&text(&setup["secret"]), 0).await?;
    scene.ask("/v1/auth/2fa/verify", &json!({ "code": code }), 200).await?;

    let asked = scene.sign_in_from("x-device-token", &device, ADA).await?;
    assert_eq!(asked["two_factor_required"], true);
    Ok(())
}

#[tokio::test]
async fn another_password_asks_remembered_devices_again_and_ends_what_waits() -> anyhow::Result<()>
{
    let (scene, app) = Scene::with_app().await?;
    let (device, _) = scene.remember(&app.backup_codes[0]).await?;
    let waiting = scene.challenge().await?;

    let new = "another walk along the sea";
    let body = json!({ "current_password": PASSWORD, "new_password": new,
        "code": app.backup_codes[1] });
    scene.ask("/v1/auth/change-password", &body, 200).await?;

    let body = json!({ "email": ADA, "password": new });
    let request = scene.program.post("/v1/auth/login", &body).header("x-device-token", &device);
    let asked = json(request.send().await?, 200).await?;
    assert_eq!(asked["two_factor_required"], true, "{asked}");
    scene.answer(&waiting, &app.backup_codes[2], 401).await?;
    scene.answer(&text(&asked["challenge_token"]), &app.backup_codes[2], 200).await?;
    Ok(())
}

#[tokio::test]
async fn a_forgotten_password_asks_remembered_devices_again() -> anyhow::Result<()> {
    let (scene, app) = Scene::with_app().await?;
    let (device, _) = scene.remember(&app.backup_codes[0]).await?;

    scene.post("/v1/auth/forgot-password", &json!({ "email": ADA }), 200).await?;
    let mail = scene.mailbox.mail_about(ADA, "Choose a new password").await?;
    let new = "another walk along the sea";
    let body = json!({ "token": mail.token(), "new_password": new });
    scene.post("/v1/auth/reset-password", &body, 200).await?;

    let body = json!({ "email": ADA, "password": new });
    let request = scene.program.post("/v1/auth/login", &body).header("x-device-token", &device);
    assert_eq!(json(request.send().await?, 200).await?["two_factor_required"], true);
    Ok(())
}

#[tokio::test]
async fn all_other_devices_are_signed_out_and_asked_again() -> anyhow::Result<()> {
    let (scene, app) = Scene::with_app().await?;
    let (device, _) = scene.remember(&app.backup_codes[0]).await?;
    let other = Person::from(ADA, &scene.sign_in_from("x-device-token", &device, ADA).await?);

    // The device that was remembered just now has a session as well.
    let left = scene.ask("/v1/auth/2fa/revoke-sessions", &json!({}), 200).await?;
    assert_eq!(left, json!({ "success": true, "revoked": 2 }));

    let me = |person: &Person| person.asks(scene.program.get("/v1/auth/me")).send();
    assert_eq!(me(&other).await?.status(), 401);
    assert_eq!(me(&scene.ada).await?.status(), 200);
    let asked = scene.sign_in_from("x-device-token", &device, ADA).await?;
    assert_eq!(asked["two_factor_required"], true);
    let again = scene.ask("/v1/auth/2fa/revoke-sessions", &json!({}), 200).await?;
    assert_eq!(again["revoked"], 0);
    let nobody = scene.program.post("/v1/auth/2fa/revoke-sessions", &json!({}));
    json(nobody.send().await?, 401).await?;
    Ok(())
}
