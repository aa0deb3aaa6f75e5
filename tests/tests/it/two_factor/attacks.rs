//! What attackers did to comparable systems.

use futures_util::future::join_all;
use serde_json::json;
use tests::json;

use super::scene::{ADA, ADMIN, Scene, code, text, wrong_code};
use crate::person::{PASSWORD, Person};

#[tokio::test]
async fn ten_parallel_uses_of_one_code_give_exactly_one_success() -> anyhow::Result<()> {
    let (scene, app) = Scene::with_app().await?;
    let mut challenges = Vec::new();
    for _ in 0..10 {
        challenges.push(scene.challenge().await?);
    }

    let right = code(&app.secret, 0).await?;
    let uses = challenges.iter().map(|challenge| {
        let body = json!({ "challenge_token": challenge, "code": right });
        scene.program.post("/v1/auth/2fa/verify", &body).send()
    });
    let answers: Vec<u16> = join_all(uses)
        .await
        .into_iter()
        .map(|answer| answer.map(|it| it.status().as_u16()))
        .collect::<Result<_, _>>()?;

    assert_eq!(answers.iter().filter(|status| **status == 200).count(), 1, "{answers:?}");
    assert!(answers.iter().all(|status| [200, 401, 409, 429].contains(status)), "{answers:?}");
    Ok(())
}

#[tokio::test]
async fn ten_parallel_uses_of_one_backup_code_give_exactly_one_success() -> anyhow::Result<()> {
    let (scene, app) = Scene::with_app().await?;
    let challenge = scene.challenge().await?;

    let body = json!({ "challenge_token": challenge, "code": app.backup_codes[0] });
    let uses = (0..10).map(|_| scene.program.post("/v1/auth/2fa/verify-backup-code", &body).send());
    let answers: Vec<u16> = join_all(uses)
        .await
        .into_iter()
        .map(|answer| answer.map(|it| it.status().as_u16()))
        .collect::<Result<_, _>>()?;

    assert_eq!(answers.iter().filter(|status| **status == 200).count(), 1, "{answers:?}");
    assert_eq!(scene.status().await?["backup_codes_remaining"], 9);
    Ok(())
}

#[tokio::test]
async fn one_code_is_good_for_one_thing_only() -> anyhow::Result<()> {
    let (scene, app) = Scene::with_app().await?;
    let used = code(&app.secret, 0).await?;
    let challenge = scene.challenge().await?;
    scene.answer(&challenge, &used, 200).await?;

    let again = scene.challenge().await?;
    assert_eq!(scene.answer(&again, &used, 401).await?["code"], "invalid_code");
    let proof = json!({ "password": PASSWORD, "code": used });
    scene.ask("/v1/auth/2fa/disable", &proof, 403).await?;
    let proof = json!({ "code": used });
    scene.ask("/v1/auth/2fa/backup-codes/regenerate", &proof, 403).await?;
    // The answered challenge is over, whatever is shown.
    let late = scene.answer(&challenge, &app.backup_codes[0], 401).await?;
    assert_eq!(late["code"], "challenge_over");
    assert_eq!(scene.status().await?["backup_codes_remaining"], 10);
    Ok(())
}

#[tokio::test]
async fn parallel_guesses_lock_after_five_also_across_a_restart() -> anyhow::Result<()> {
    let (mut scene, app) = Scene::with_app().await?;
    let challenge = scene.challenge().await?;
    let body = json!({ "challenge_token": challenge, "code": wrong_code(&app.secret).await? });

    let guesses = (0..20).map(|_| scene.program.post("/v1/auth/2fa/verify", &body).send());
    let answers: Vec<u16> = join_all(guesses)
        .await
        .into_iter()
        .map(|answer| answer.map(|it| it.status().as_u16()))
        .collect::<Result<_, _>>()?;

    let told = answers.iter().filter(|status| **status == 401).count();
    assert!(told <= 5, "{told} guesses were answered: {answers:?}");
    assert!(answers.iter().all(|status| [401, 409, 429].contains(status)), "{answers:?}");
    for _ in told..5 {
        scene.answer(&challenge, &text(&body["code"]), 401).await?;
    }
    assert_eq!(scene.events("factors.code_refused").await?, 5, "each is in the log");

    scene.program.restart().await?;
    let right = code(&app.secret, 0).await?;
    assert_eq!(scene.answer(&challenge, &right, 429).await?["code"], "factor_locked");
    assert!(scene.status().await?["locked_until"].is_string());
    scene.mailbox.mail_about(ADA, "Wrong codes for your account").await?;
    // The owner still gets in.
    scene.answer(&challenge, &app.backup_codes[0], 200).await?;
    Ok(())
}

#[tokio::test]
async fn an_account_with_an_unproven_mailbox_cannot_turn_it_on() -> anyhow::Result<()> {
    let scene = Scene::set().await?;
    let eve = Person::register(&scene.program, "eve@example.org").await?;

    let setup = scene.program.post("/v1/auth/2fa/setup", &json!({ "password": PASSWORD }));

    assert_eq!(json(eve.asks(setup).send().await?, 403).await?["code"], "email_not_verified");
    Ok(())
}

#[tokio::test]
async fn turning_it_off_takes_the_password_and_a_code_and_a_key_is_not_enough() -> anyhow::Result<()>
{
    let (scene, app) = Scene::with_app().await?;
    let new = scene.ask("/v1/settings/api-keys", &json!({ "name": "ci" }), 201).await?;
    let path = "/v1/auth/2fa/disable";

    for proof in [
        json!({}),
        json!({ "password": PASSWORD }),
        json!({ "code": app.backup_codes[0] }),
        json!({ "password": PASSWORD, "code": "AAAAAAAAAA" }),
        json!({ "password": "wrong and long enough", "code": app.backup_codes[0] }),
    ] {
        scene.ask(path, &proof, 403).await?;
    }
    let malformed = json!({ "password": PASSWORD, "code": "12" });
    scene.ask(path, &malformed, 422).await?;
    let proof = json!({ "password": PASSWORD, "code": app.backup_codes[0] });
    let key = text(&new["api_key"]);
    for (path, body) in [(path, &proof), ("/v1/auth/2fa/setup", &proof)] {
        let request = scene.program.post(path, body).header("X-API-Key", &key);
        json(request.send().await?, 403).await?;
    }

    assert_eq!(scene.status().await?["enabled"], true);
    assert_eq!(scene.status().await?["backup_codes_remaining"], 10);
    Ok(())
}

#[tokio::test]
async fn a_challenge_is_bound_to_its_person_and_to_its_kind() -> anyhow::Result<()> {
    let (scene, app) = Scene::with_app().await?;
    let challenge = scene.challenge().await?;
    let right = code(&app.secret, 0).await?;

    for forged in [
        scene.ada.access.clone(),
        scene.ada.refresh.clone(),
        challenge.replacen("ch_", "dv_", 1),
        challenge[..challenge.len() - 1].to_owned(),
        String::new(),
    ] {
        let body = json!({ "challenge_token": forged, "code": right });
        scene.post("/v1/auth/2fa/verify", &body, 401).await?;
    }
    let refresh = json!({ "refresh_token": challenge });
    scene.post("/v1/auth/refresh", &refresh, 401).await?;
    scene.answer(&challenge, &right, 200).await?;
    Ok(())
}

#[tokio::test]
async fn only_an_administrator_resets_and_only_a_superuser_an_administrator() -> anyhow::Result<()>
{
    let (scene, _) = Scene::with_app().await?;
    let admin = Person::sign_in(&scene.program, ADMIN, PASSWORD).await?;
    let path = format!("/v1/admin/users/{}/reset-two-factor", scene.ada.id);

    scene.ask(&path, &json!({}), 403).await?;
    scene.post(&path, &json!({}), 401).await?;
    let unknown = format!("/v1/admin/users/{}/reset-two-factor", uuid::Uuid::nil());
    json(admin.asks(scene.program.post(&unknown, &json!({}))).send().await?, 404).await?;
    assert_eq!(scene.status().await?["enabled"], true);

    json(admin.asks(scene.program.post(&path, &json!({}))).send().await?, 200).await?;

    scene.mailbox.mail_about(ADA, "Two-factor authentication was turned off").await?;
    Person::sign_in(&scene.program, ADA, PASSWORD).await?;
    assert_eq!(scene.status().await?["enabled"], false);
    Ok(())
}

#[tokio::test]
async fn an_ordinary_person_is_not_challenged_at_the_door_of_administrators() -> anyhow::Result<()>
{
    let (scene, _) = Scene::with_app().await?;

    let body = json!({ "email": ADA, "password": PASSWORD });
    scene.post("/v1/admin/auth/login", &body, 403).await?;

    Ok(())
}

#[tokio::test]
async fn an_erased_person_leaves_no_secret() -> anyhow::Result<()> {
    let (scene, app) = Scene::with_app().await?;
    let wish = json!({ "password": PASSWORD });
    let account = |body| scene.ada.asks(scene.program.delete("/v1/auth/account").json(body));
    json(account(&wish).send().await?, 403).await?;

    let wish = json!({ "password": PASSWORD, "code": app.backup_codes[0] });
    json(account(&wish).send().await?, 200).await?;

    let pool = sqlx::PgPool::connect(&scene.program.database_url()).await?;
    let owner = domain::Category::Factors.stream_of(scene.ada.id.parse()?);
    let count = "select count(*) from vault.secret where owner_id = $1";
    let left: i64 = sqlx::query_scalar(count).bind(owner).fetch_one(&pool).await?;
    assert_eq!(left, 0);
    assert_eq!(scene.events("factors.cleared").await?, 1);
    Ok(())
}
