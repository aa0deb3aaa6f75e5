//! "This was not me", said of factors by the one who gets the notices.

use serde_json::{Value, json};
use tests::json;

use super::scene::{ADA, ADMIN, Scene, code, text};
use crate::person::{PASSWORD, Person};

impl Scene {
    /// Follows "this was not me" in a notice; answers the token.
    async fn undo(&self, subject: &str) -> anyhow::Result<String> {
        let notice = self.mailbox.mail_about(ADA, subject).await?;
        let token = notice.token().unwrap_or_default();
        self.post("/v1/auth/undo", &json!({ "token": token }), 200).await?;
        Ok(token)
    }

    /// Ada signs in by password alone.
    async fn signs_in(&self) -> anyhow::Result<Value> {
        self.post("/v1/auth/login", &json!({ "email": ADA, "password": PASSWORD }), 200).await
    }

    /// How many cases wait for an administrator.
    async fn cases(&self) -> anyhow::Result<Value> {
        let admin = Person::sign_in(&self.program, ADMIN, PASSWORD).await?;
        let open = admin.asks(self.program.get("/v1/admin/cases?status=open")).send().await?;
        Ok(json(open, 200).await?["data"]["total"].clone())
    }

    /// Whether an API key opens anything.
    async fn key_opens(&self, key: &str) -> anyhow::Result<bool> {
        let me = self.program.get("/v1/auth/me").header("x-api-key", key);
        Ok(me.send().await?.status().is_success())
    }

    /// An API key made by whoever holds Ada's session, with the proof that it takes.
    async fn make_key(&self, proof: Value) -> anyhow::Result<String> {
        let mut body = proof;
        body["name"] = json!("ci");
        Ok(text(&self.ask("/v1/settings/api-keys", &body, 201).await?["api_key"]))
    }
}

#[tokio::test]
async fn a_thief_who_turns_two_factor_off_is_undone_by_the_notice() -> anyhow::Result<()> {
    let (mut scene, app) = Scene::with_app().await?;
    let own = scene.make_key(json!({})).await?;
    let proof = json!({ "password": PASSWORD, "code": app.backup_codes[0] });
    scene.ask("/v1/auth/2fa/disable", &proof, 200).await?;
    // The thief signs in without a factor, sets up one of their own, and makes a key.
    scene.ada = Person::from(ADA, &scene.signs_in().await?);
    let made = scene.make_key(json!({ "password": PASSWORD })).await?;
    let setup = scene.ask("/v1/auth/2fa/setup", &json!({ "password": PASSWORD }), 200).await?;
    let theirs = text(&setup["secret"]);
    let shown = json!({ "code": code(&theirs, -1).await? });
    let theirs_codes = scene.ask("/v1/auth/2fa/verify", &shown, 200).await?["backup_codes"].clone();

    let token = scene.undo("Two-factor authentication was turned off").await?;

    let me = scene.ada.asks(scene.program.get("/v1/auth/me")).send().await?;
    assert_eq!(me.status(), 401, "the thief is signed out");
    assert!(scene.key_opens(&own).await? && !scene.key_opens(&made).await?);
    let challenge = scene.challenge().await?;
    for wrong in [&app.backup_codes[0], &text(&theirs_codes[0]), &code(&theirs, 0).await?] {
        scene.answer(&challenge, wrong, 401).await?;
    }
    let right = code(&app.secret, 0).await?;
    let answer = scene.answer(&challenge, &right, 200).await?;
    scene.ada = Person::from(ADA, &answer);
    let status = scene.status().await?;
    assert_eq!((&status["enabled"], &status["backup_codes_remaining"]), (&json!(true), &json!(9)));
    scene.post("/v1/auth/undo", &json!({ "token": token }), 422).await?;
    assert_eq!(scene.cases().await?, 1);
    Ok(())
}

#[tokio::test]
async fn a_thief_who_sets_up_their_own_factor_locks_nobody_out() -> anyhow::Result<()> {
    let mut scene = Scene::set().await?;
    let setup = scene.ask("/v1/auth/2fa/setup", &json!({ "password": PASSWORD }), 200).await?;
    let secret = text(&setup["secret"]);
    let shown = json!({ "code": code(&secret, -1).await? });
    let codes = scene.ask("/v1/auth/2fa/verify", &shown, 200).await?["backup_codes"].clone();
    let challenge = scene.challenge().await?;
    let body = json!({ "challenge_token": challenge, "code": codes[0], "remember_device": true });
    let thief = scene.post("/v1/auth/2fa/verify", &body, 200).await?;
    let waiting = scene.challenge().await?;

    scene.undo("Two-factor authentication was turned on").await?;

    for session in [&scene.ada, &Person::from(ADA, &thief)] {
        let me = session.asks(scene.program.get("/v1/auth/me")).send().await?;
        assert_eq!(me.status(), 401);
    }
    scene.answer(&waiting, &code(&secret, 0).await?, 401).await?;
    let signed_in = scene.signs_in().await?;
    assert!(signed_in["access_token"].is_string(), "{signed_in}");
    scene.ada = Person::from(ADA, &signed_in);
    let status = scene.status().await?;
    assert_eq!((&status["enabled"], &status["backup_codes_remaining"]), (&json!(false), &json!(0)));
    let devices = scene.ada.asks(scene.program.get("/v1/auth/2fa/devices")).send().await?;
    assert_eq!(json(devices, 200).await?["devices"], json!([]));
    // What was prepared by the thief is gone as well: nothing waits to be shown.
    let shown = json!({ "code": code(&secret, 0).await? });
    scene.ask("/v1/auth/2fa/verify", &shown, 409).await?;
    Ok(())
}

#[tokio::test]
async fn a_thief_who_puts_their_app_in_place_of_the_owners_is_undone_once() -> anyhow::Result<()> {
    let (scene, app) = Scene::with_app().await?;
    let proof = json!({ "password": PASSWORD, "code": app.backup_codes[0] });
    let setup = scene.ask("/v1/auth/2fa/setup", &proof, 200).await?;
    let theirs = text(&setup["secret"]);
    scene.ask("/v1/auth/2fa/verify", &json!({ "code": code(&theirs, -1).await? }), 200).await?;
    let proof = json!({ "password": PASSWORD });
    scene.ask("/v1/auth/2fa/backup-codes/regenerate", &proof, 200).await?;
    // The notice of the first code that was used comes before all of it.
    let notice = scene.mailbox.mail_about(ADA, "A backup code was used").await?;
    let token = notice.token().unwrap_or_default();

    let tries =
        (0..10).map(|_| scene.program.post("/v1/auth/undo", &json!({ "token": token })).send());
    let answers = futures_util::future::join_all(tries).await;
    let won = answers.into_iter().filter(|it| it.as_ref().is_ok_and(|it| it.status() == 200));
    assert_eq!(won.count(), 1);

    let challenge = scene.challenge().await?;
    scene.answer(&challenge, &code(&theirs, 0).await?, 401).await?;
    scene.answer(&challenge, &app.backup_codes[0], 401).await?;
    scene.answer(&challenge, &app.backup_codes[1], 200).await?;
    let challenge = scene.challenge().await?;
    scene.answer(&challenge, &code(&app.secret, 0).await?, 200).await?;
    assert_eq!(scene.cases().await?, 1);
    assert_eq!(scene.events("factors.undone").await?, 1);
    Ok(())
}
