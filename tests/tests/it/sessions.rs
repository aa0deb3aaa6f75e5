//! Signing in, refreshing, signing out, and keys: what is revoked is revoked at once.

use serde_json::json;
use tests::{Mailbox, Program, Setup, json};

use crate::person::{PASSWORD, Person};

async fn program_with(email: &str) -> anyhow::Result<(Program, Person)> {
    let program = Setup::default().start().await?;
    let person = Person::register(&program, email).await?;
    Ok((program, person))
}

#[tokio::test]
async fn a_form_signs_in_as_well_as_json() -> anyhow::Result<()> {
    let (program, ada) = program_with("ada@example.org").await?;

    let password = PASSWORD.replace(' ', "+");
    let form = format!("username={}&password={password}&grant_type=password", ada.email);
    let request = program.post_form("/api/v1/auth/login", form);

    let tokens = json(request.send().await?, 200).await?;
    assert_eq!(tokens["token_type"], "bearer");
    Ok(())
}

#[tokio::test]
async fn unknown_addresses_and_wrong_passwords_get_the_same_answer() -> anyhow::Result<()> {
    let (program, ada) = program_with("ada@example.org").await?;

    let mut answers = Vec::new();
    for email in [ada.email.as_str(), "nobody@example.org", "not an address"] {
        let body = json!({ "email": email, "password": "wrong and long enough" });
        let mut answer = json(program.post("/v1/auth/login", &body).send().await?, 401).await?;
        answer["request_id"] = json!(null);
        answers.push(answer);
    }

    assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
    Ok(())
}

#[tokio::test]
async fn two_tabs_get_the_same_successor_and_a_stale_token_ends_the_session() -> anyhow::Result<()>
{
    let (mut program, ada) = program_with("ada@example.org").await?;
    let first = json!({ "refresh_token": ada.refresh });

    let second = json(program.post("/v1/auth/refresh", &first).send().await?, 200).await?;
    let twin = json(program.post("/v1/auth/refresh", &first).send().await?, 200).await?;
    assert_eq!(second["refresh_token"], twin["refresh_token"]);

    let next = json!({ "refresh_token": second["refresh_token"] });
    let third = json(program.post("/v1/auth/refresh", &next).send().await?, 200).await?;
    program.restart().await?;
    json(program.post("/v1/auth/refresh", &first).send().await?, 401).await?;

    let last = json!({ "refresh_token": third["refresh_token"] });
    json(program.post("/v1/auth/refresh", &last).send().await?, 401).await?;
    let me = ada.asks(program.get("/v1/auth/me"));
    json(me.send().await?, 401).await?;
    Ok(())
}

#[tokio::test]
async fn after_signing_out_access_and_refresh_are_dead_also_after_a_restart() -> anyhow::Result<()>
{
    let (mut program, ada) = program_with("ada@example.org").await?;
    let out = ada.asks(program.post("/v1/auth/logout", &json!({}))).send().await?;
    assert_eq!(json(out, 200).await?["message"], "Successfully logged out");

    json(ada.asks(program.get("/v1/auth/me")).send().await?, 401).await?;
    program.restart().await?;

    json(ada.asks(program.get("/v1/auth/me")).send().await?, 401).await?;
    let refresh = json!({ "refresh_token": ada.refresh });
    json(program.post("/v1/auth/refresh", &refresh).send().await?, 401).await?;
    Ok(())
}

#[tokio::test]
async fn a_key_works_until_it_is_revoked_and_cannot_mint_keys() -> anyhow::Result<()> {
    let (program, ada) = program_with("ada@example.org").await?;
    let new = json!({ "name": "ci" });
    let made = ada.asks(program.post("/v1/settings/api-keys", &new)).send().await?;
    let made = json(made, 201).await?;
    let key = made["api_key"].as_str().unwrap_or_default();

    let me = program.get("/v1/auth/me").header("X-API-Key", key).send().await?;
    assert_eq!(json(me, 200).await?["id"], ada.id.as_str());
    let bearer = program.get("/v1/auth/me").bearer_auth(key).send().await?;
    json(bearer, 200).await?;
    let mint = program.post("/v1/settings/api-keys", &new).header("X-API-Key", key);
    json(mint.send().await?, 403).await?;

    let id = made["id"].as_str().unwrap_or_default();
    let revoke = ada.asks(program.delete(&format!("/v1/settings/api-keys/{id}")));
    json(revoke.send().await?, 200).await?;
    let late = program.get("/v1/auth/me").header("X-API-Key", key).send().await?;
    json(late, 401).await?;
    Ok(())
}

#[tokio::test]
async fn another_persons_key_cannot_be_seen_or_revoked() -> anyhow::Result<()> {
    let (program, ada) = program_with("ada@example.org").await?;
    let eve = Person::register(&program, "eve@example.org").await?;
    let new = json!({ "name": "ci" });
    let made = ada.asks(program.post("/v1/settings/api-keys", &new)).send().await?;
    let id = json(made, 201).await?["id"].as_str().unwrap_or_default().to_owned();
    let path = format!("/v1/settings/api-keys/{id}");

    json(eve.asks(program.get(&path)).send().await?, 404).await?;
    json(eve.asks(program.delete(&path)).send().await?, 404).await?;
    json(ada.asks(program.get(&path)).send().await?, 200).await?;
    Ok(())
}

#[tokio::test]
async fn the_owner_is_told_when_a_refresh_token_was_copied() -> anyhow::Result<()> {
    let mailbox = Mailbox::start()?;
    let program = Setup::default().with("SMTP_URL", mailbox.url()).start().await?;
    let ada = Person::register(&program, "ada@example.org").await?;
    let mut token = json!({ "refresh_token": ada.refresh });
    for _ in 0..2 {
        let next = json(program.post("/v1/auth/refresh", &token).send().await?, 200).await?;
        token = json!({ "refresh_token": next["refresh_token"] });
    }

    let stolen = json!({ "refresh_token": ada.refresh });
    json(program.post("/v1/auth/refresh", &stolen).send().await?, 401).await?;

    let mail = mailbox.mail_about(&ada.email, "One of your devices was signed out").await?;
    assert!(mail.text().contains("from the address 127.0.0.1"), "{mail:?}");
    Ok(())
}
