//! What attackers do with what was signed well, and with what cannot be read.

use anyhow::Context;
use futures_util::future::join_all;
use serde_json::{Value, json};
use tests::json;

use super::{
    super::scene::{Scene, text},
    device::Device,
};
use crate::person::Person;

const FINISH: &str = "/v1/auth/2fa/webauthn/login/finish";

async fn set() -> anyhow::Result<(Scene, Device)> {
    let (scene, mut telephone) = (Scene::set().await?, Device::default());
    scene.register(&scene.ada, &mut telephone, "Telephone").await?;
    Ok((scene, telephone))
}

/// How ten requests at once are answered.
async fn at_once(scene: &Scene, body: &Value) -> anyhow::Result<Vec<u16>> {
    let uses = (0..10).map(|_| scene.program.post(FINISH, body).send());
    let answers = join_all(uses).await.into_iter();
    Ok(answers.map(|answer| answer.map(|it| it.status().as_u16())).collect::<Result<_, _>>()?)
}

#[tokio::test]
async fn ten_parallel_uses_of_one_answer_give_exactly_one_success_and_none_later()
-> anyhow::Result<()> {
    let (mut scene, mut telephone) = set().await?;
    let challenge = scene.challenge().await?;

    for wish in [json!({}), json!({ "challenge_token": challenge })] {
        let asked = scene.asked(&wish).await?;
        let body = scene.says(&mut telephone, &asked)?;
        let answers = at_once(&scene, &body).await?;

        let successes = answers.iter().filter(|status| **status == 200).count();
        assert_eq!(successes, 1, "{wish}: {answers:?}");
        let refused = |status: &u16| [200, 401, 409, 429].contains(status);
        assert!(answers.iter().all(refused), "{wish}: {answers:?}");
        scene.program.restart().await?;
        let late = scene.program.post(FINISH, &body).send().await?.status().as_u16();
        assert!([401, 409, 429].contains(&late), "{wish}: {late}");
    }
    assert_eq!(scene.events("factors.passkey_used").await?, 2);
    Ok(())
}

#[tokio::test]
async fn a_question_to_one_is_not_answered_by_another_nor_for_something_else() -> anyhow::Result<()>
{
    let (scene, mut telephone) = set().await?;
    let eve = Person::verified(&scene.program, &scene.mailbox, "eve@example.org").await?;
    let again = Person::from("ada@example.org", &scene.comes_with(&mut telephone).await?);
    let start = "/v1/auth/2fa/webauthn/login/start";
    let wish = json!({ "step_up": true });
    let asked = json(again.asks(scene.program.post(start, &wish)).send().await?, 200).await?;
    let body = scene.says(&mut telephone, &asked)?;

    for other in [&eve, &scene.ada] {
        let request = other.asks(scene.program.post(FINISH, &body));
        assert_eq!(json(request.send().await?, 409).await?["code"], "ceremony_over");
    }
    scene.shows(&body, 401).await?;
    json(again.asks(scene.program.post(FINISH, &body)).send().await?, 200).await?;

    let start = "/v1/auth/2fa/webauthn/register/start";
    let asked = json(eve.asks(scene.program.post(start, &json!({}))).send().await?, 200).await?;
    let credential = Device::default().create(&scene.origin(), &asked["publicKey"])?;
    let stolen = json!({ "ceremony_token": asked["ceremony_token"], "credential": credential });
    scene.ask("/v1/auth/2fa/webauthn/register/finish", &stolen, 409).await?;
    assert_eq!(scene.passkeys().await?.len(), 1);
    // One kind of question is none of another.
    let sign_in = scene.asked(&json!({})).await?;
    let mixed = json!({ "ceremony_token": sign_in["ceremony_token"], "credential": credential });
    let path = "/v1/auth/2fa/webauthn/register/finish";
    json(eve.asks(scene.program.post(path, &mixed)).send().await?, 409).await?;
    let mut signed = scene.says(&mut telephone, &sign_in)?;
    signed["ceremony_token"] = asked["ceremony_token"].clone();
    scene.shows(&signed, 409).await?;
    Ok(())
}

#[tokio::test]
async fn what_cannot_be_read_is_refused_and_breaks_nothing() -> anyhow::Result<()> {
    let (scene, mut telephone) = set().await?;
    let asked = scene.asked(&json!({})).await?;
    let good = scene.says(&mut telephone, &asked)?;
    let part = |pointer: &str, value: Value| {
        let mut body = good.clone();
        if let Some(part) = body.pointer_mut(pointer) {
            *part = value;
        }
        body
    };

    for (pointer, value) in [
        ("/ceremony_token", json!("")),
        ("/ceremony_token", json!("pk_AAAA")),
        ("/credential", json!(null)),
        ("/credential/rawId", json!("not base64!")),
        ("/credential/type", json!("password")),
        ("/credential/response/signature", json!("")),
        ("/credential/response/authenticatorData", json!("")),
        ("/credential/response/authenticatorData", json!("AAAA")),
        ("/credential/response/clientDataJSON", json!("e30")),
        ("/credential/response/userHandle", json!("AAAA")),
    ] {
        let answer = scene.program.post(FINISH, &part(pointer, value.clone())).send().await?;
        let status = answer.status().as_u16();
        assert!((400..500).contains(&status), "{pointer} {value}: {status}");
    }

    let start = "/v1/auth/2fa/webauthn/register/start";
    scene.steps_up(&scene.ada, &mut telephone, 200).await?;
    let asked = scene.ask(start, &json!({}), 200).await?;
    let credential = Device::default().create(&scene.origin(), &asked["publicKey"])?;
    for attestation in ["", "AAAA", "oA", "o2NmbXRkbm9uZWdhdHRTdG10oGhhdXRoRGF0YUA", "_____w"] {
        let mut credential = credential.clone();
        credential["response"]["attestationObject"] = json!(attestation);
        let body = json!({ "ceremony_token": asked["ceremony_token"], "credential": credential });
        let refused = scene.ask("/v1/auth/2fa/webauthn/register/finish", &body, 422).await?;
        assert_eq!(refused["code"], "invalid_passkey", "{attestation}");
    }
    let body = json!({
        "ceremony_token": asked["ceremony_token"], "name": "a\u{0}b", "credential": credential
    });
    scene.ask("/v1/auth/2fa/webauthn/register/finish", &body, 422).await?;
    Ok(())
}

#[tokio::test]
async fn refusals_lock_the_second_factor_for_whoever_has_the_password_and_nobody_out()
-> anyhow::Result<()> {
    let (scene, mut telephone) = set().await?;
    let challenge = scene.challenge().await?;
    let wish = json!({ "challenge_token": challenge });
    for _ in 0..5 {
        let asked = scene.asked(&wish).await?;
        let mut body = scene.says(&mut telephone, &asked)?;
        body["credential"]["response"]["signature"] = json!("AAAA");
        scene.shows(&body, 401).await?;
    }

    let asked = scene.asked(&wish).await?;
    let body = scene.says(&mut telephone, &asked)?;
    assert_eq!(scene.shows(&body, 429).await?["code"], "factor_locked");
    scene.mailbox.mail_about("ada@example.org", "Wrong passkeys for your account").await?;
    scene.comes_with(&mut telephone).await?;
    Ok(())
}

#[tokio::test]
async fn strangers_who_try_passkeys_are_limited_and_a_device_that_is_known_is_not()
-> anyhow::Result<()> {
    let (scene, mut telephone) = set().await?;
    let asked = scene.asked(&json!({})).await?;
    let body = scene.says(&mut telephone, &asked)?;
    let answer = scene.program.post(FINISH, &body).send().await?;
    let cookie = answer.headers().get("set-cookie").context("a cookie")?.to_str()?.to_owned();
    let cookie = cookie.split(';').next().unwrap_or_default().to_owned();

    let mut refused = Vec::new();
    for _ in 0..12 {
        let asked = scene.asked(&json!({})).await?;
        let mut body = scene.says(&mut telephone, &asked)?;
        body["credential"]["response"]["signature"] = json!("AAAA");
        let answer = scene.program.post(FINISH, &body).send().await?;
        refused.push(answer.status().as_u16());
    }
    assert!(refused.starts_with(&[401; 8]) && refused.ends_with(&[429]), "{refused:?}");
    let asked = scene.asked(&json!({})).await?;
    let body = scene.says(&mut telephone, &asked)?;
    json(scene.program.post(FINISH, &body).header("cookie", cookie).send().await?, 200).await?;
    Ok(())
}

#[tokio::test]
async fn a_key_and_an_unproven_mailbox_register_no_passkey() -> anyhow::Result<()> {
    let scene = Scene::set().await?;
    let new = scene.ask("/v1/settings/api-keys", &json!({ "name": "ci" }), 201).await?;
    let start = scene.program.post("/v1/auth/2fa/webauthn/register/start", &json!({}));
    json(start.header("X-API-Key", text(&new["api_key"])).send().await?, 403).await?;

    let eve = Person::register(&scene.program, "eve@example.org").await?;
    let start = scene.program.post("/v1/auth/2fa/webauthn/register/start", &json!({}));
    assert_eq!(json(eve.asks(start).send().await?, 403).await?["code"], "email_not_verified");
    Ok(())
}
