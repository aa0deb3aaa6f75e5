//! Where the operator wants it so, nobody learns from registering which addresses have accounts.

use serde_json::{Value, json};
use tests::{Mailbox, Program, Setup, json};

use super::ADMIN;
use crate::person::{PASSWORD, Person};

async fn start() -> anyhow::Result<(Mailbox, Program)> {
    let mailbox = Mailbox::start()?;
    let setup = Setup::default()
        .with("SMTP_URL", mailbox.url())
        .with("ANNALS_ENUMERATION_SAFE", "true")
        .with("ANNALS_ADMIN_EMAIL", ADMIN)
        .with("ANNALS_ADMIN_PASSWORD", PASSWORD);
    Ok((mailbox, setup.start().await?))
}

/// What there is to see of an answer: its status, the names of its headers, and its body.
async fn post(
    program: &Program,
    path: &str,
    body: &Value,
) -> anyhow::Result<(u16, Vec<String>, Value)> {
    let answer = program.post(path, body).send().await?;
    let mut names: Vec<String> = answer.headers().keys().map(ToString::to_string).collect();
    names.sort();
    let status = answer.status().as_u16();
    let mut body: Value = answer.json().await?;
    if let Some(id) = body.get_mut("request_id") {
        *id = Value::Null;
    }
    Ok((status, names, body))
}

fn who(email: &str, password: &str) -> Value {
    json!({ "email": email, "password": password })
}

#[tokio::test]
async fn registering_tells_nobody_but_the_mailbox_whether_an_address_is_taken() -> anyhow::Result<()>
{
    let (mailbox, program) = start().await?;
    let (path, other) = ("/v1/auth/register", "a guess of somebody else");

    let known = post(&program, path, &who(ADMIN, other)).await?;
    let unknown = post(&program, path, &who("ada@example.org", other)).await?;

    assert_eq!(known.0, 202);
    assert_eq!(known, unknown);
    mailbox.mail_about(ADMIN, "You have an account already").await?;
    let token = mailbox.mail_to("ada@example.org").await?.token();
    // Nor does signing in with the password that was just given.
    let sign_in = "/v1/auth/login";
    let known = post(&program, sign_in, &who(ADMIN, other)).await?;
    let unknown = post(&program, sign_in, &who("ada@example.org", other)).await?;
    assert_eq!(known.0, 401);
    assert_eq!(known, unknown);

    let verified = program.post("/v1/auth/verify-email", &json!({ "token": token }));
    json(verified.send().await?, 200).await?;
    let ada = Person::sign_in(&program, "ada@example.org", other).await?;
    Person::sign_in(&program, ADMIN, PASSWORD).await?;
    let attempts = ada.asks(program.get("/v1/auth/sign-ins?outcome=refused"));
    let attempts = json(attempts.send().await?, 200).await?;
    assert_eq!(attempts["items"][0]["reason"], "mailbox_unproven", "{attempts}");
    Ok(())
}

#[tokio::test]
async fn moving_to_an_address_tells_only_its_mailbox_that_it_is_taken() -> anyhow::Result<()> {
    let (mailbox, program) = start().await?;
    let admin = Person::sign_in(&program, ADMIN, PASSWORD).await?;
    post(&program, "/v1/auth/register", &who("ada@example.org", "a walk through the woods"))
        .await?;
    mailbox.mail_to("ada@example.org").await?;

    for to in ["ada@example.org", "free@example.org"] {
        let body = json!({ "new_email": to, "password": PASSWORD });
        let answer = admin.asks(program.post("/v1/auth/change-email", &body)).send().await?;
        json(answer, 202).await?;
    }

    mailbox.mail_about("ada@example.org", "You have an account already").await?;
    mailbox.mail_about("free@example.org", "Confirm your new e-mail address").await?;
    Ok(())
}
