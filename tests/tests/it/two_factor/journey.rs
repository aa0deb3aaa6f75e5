//! Turning it on, signing in with it, turning it off.

use serde_json::json;
use tests::json;

use super::scene::{ADA, Scene, code, text, wrong_code};
use crate::person::PASSWORD;

#[tokio::test]
async fn an_app_is_set_up_asked_for_and_turned_off() -> anyhow::Result<()> {
    let (mut scene, app) = Scene::with_app().await?;
    assert_eq!(app.backup_codes.len(), 10);
    let me = json(scene.ada.asks(scene.program.get("/v1/auth/me")).send().await?, 200).await?;
    assert_eq!(me["two_factor_enabled"], true);

    let token = scene.challenge().await?;
    let me = scene.program.get("/v1/auth/me").bearer_auth(&token).send().await?;
    json(me, 401).await?;
    let wrong = wrong_code(&app.secret).await?;
    assert_eq!(scene.answer(&token, &wrong, 401).await?["code"], "invalid_code");
    let right = code(&app.secret, 0).await?;
    let tokens = scene.answer(&token, &right, 200).await?;
    assert_eq!((&tokens["verified"], &tokens["remaining_codes"]), (&json!(true), &json!(10)));
    scene.ada.access = text(&tokens["access_token"]);
    json(scene.ada.asks(scene.program.get("/v1/auth/me")).send().await?, 200).await?;
    assert_eq!(scene.events("factors.code_refused").await?, 1, "the wrong code is in the log");

    let status = scene.status().await?;
    assert_eq!(status["enabled"], true);
    assert_eq!(status["methods"], json!(["totp", "backup_code"]));
    assert_eq!(status["backup_codes_remaining"], 10);

    let proof = json!({ "password": PASSWORD, "code": app.backup_codes[0] });
    scene.ask("/v1/auth/2fa/disable", &proof, 200).await?;
    scene.mailbox.mail_about(ADA, "Two-factor authentication was turned off").await?;
    let body = json!({ "email": ADA, "password": PASSWORD });
    let tokens = scene.post("/v1/auth/login", &body, 200).await?;
    assert!(tokens["access_token"].is_string(), "{tokens}");
    let me = json(scene.ada.asks(scene.program.get("/v1/auth/me")).send().await?, 200).await?;
    assert_eq!(me["two_factor_enabled"], false);
    Ok(())
}

#[tokio::test]
async fn what_an_app_scans_holds_the_secret_and_the_aliases_do_the_same() -> anyhow::Result<()> {
    let scene = Scene::set().await?;

    // The session began a moment ago, and needs no password.
    let setup = scene.ask("/v1/auth/mfa/setup", &json!({}), 200).await?;

    let secret = text(&setup["secret"]);
    assert_eq!(secret.len(), 32, "160 bits in base32");
    assert!(text(&setup["otpauth_uri"]).contains(&format!("secret={secret}")));
    assert!(text(&setup["qr_code"]).starts_with("data:image/png;base64,iVBORw0KGgo"));
    assert_eq!(setup["qr_code"], setup["qrCodeUrl"]);
    assert_eq!(scene.status().await?["enabled"], false, "nothing counts before it was shown");
    let right = code(&secret, 0).await?;
    scene.ask("/v1/auth/mfa/verify", &json!({ "code": right }), 200).await?;
    assert_eq!(scene.status().await?["enabled"], true);
    Ok(())
}

#[tokio::test]
async fn backup_codes_are_replaced_by_password_or_code() -> anyhow::Result<()> {
    let (scene, app) = Scene::with_app().await?;
    let path = "/v1/auth/2fa/backup-codes/regenerate";

    let second = scene.ask(path, &json!({ "password": PASSWORD }), 200).await?;
    let old = scene.challenge().await?;
    scene.answer(&old, &app.backup_codes[0], 401).await?;
    let code = text(&second["backup_codes"][0]);
    let third = scene.ask(path, &json!({ "code": code }), 200).await?;
    scene.ask(path, &json!({}), 403).await?;
    scene.ask(path, &json!({ "password": "wrong and long enough" }), 403).await?;

    let body = json!({ "challenge_token": old, "code": third["backup_codes"][9] });
    let tokens = scene.post("/v1/auth/2fa/verify-backup-code", &body, 200).await?;
    assert_eq!(tokens["remaining_codes"], 9);
    Ok(())
}
