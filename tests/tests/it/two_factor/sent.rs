//! Codes that are sent: by mail, to a telephone.

use std::{sync::Arc, time::Duration};

use axum::{Router, extract::State, http::HeaderMap, routing::post};
use serde_json::{Value, json};
use tests::{Mailbox, Setup, json};
use tokio::sync::Mutex;

use super::scene::{ADA, ADMIN, Scene, code_in, text};
use crate::person::{PASSWORD, Person};

const NUMBER: &str = "+1 415 555 2671";

/// A service that speaks Twilio's interface, and keeps what it is given.
#[derive(Clone, Default)]
struct Twilio(Arc<Mutex<Vec<(String, String)>>>);

impl Twilio {
    async fn start(&self) -> anyhow::Result<String> {
        let app = Router::new()
            .route("/2010-04-01/Accounts/AC1/Messages.json", post(take))
            .with_state(self.clone());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}", listener.local_addr()?);
        tokio::spawn(async move { axum::serve(listener, app).await });
        Ok(url)
    }

    /// Waits until it was given so many messages.
    async fn messages(&self, count: usize) -> anyhow::Result<Vec<(String, String)>> {
        for _ in 0..1500 {
            let messages = self.0.lock().await.clone();
            if messages.len() >= count {
                return Ok(messages);
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        anyhow::bail!("no message")
    }
}

async fn take(State(twilio): State<Twilio>, headers: HeaderMap, body: String) -> &'static str {
    let who = headers.get("authorization").and_then(|it| it.to_str().ok()).unwrap_or_default();
    twilio.0.lock().await.push((who.to_owned(), body));
    "{}"
}

#[tokio::test]
async fn codes_by_mail_are_proven_asked_for_and_good_once() -> anyhow::Result<()> {
    let scene = Scene::set().await?;
    let enable = json!({ "method": "email" });
    let pending = scene.ask("/v1/auth/2fa/enable", &enable, 202).await?;
    assert_eq!((&pending["pending"], &pending["expires_in"]), (&json!(true), &json!(300)));
    let first = code_in(&scene.mailbox.mail_about(ADA, "Your code").await?.text())?;
    assert_eq!(scene.status().await?["enabled"], false);

    let shown = json!({ "method": "email", "code": first });
    let enabled = scene.ask("/v1/auth/2fa/enable", &shown, 200).await?;
    assert_eq!(enabled["message"], "Two-factor authentication enabled successfully");
    assert_eq!(enabled["backup_codes"].as_array().map(Vec::len), Some(10));
    assert_eq!(scene.status().await?["methods"], json!(["email", "backup_code"]));
    scene.mailbox.mail_about(ADA, "Two-factor authentication was turned on").await?;

    let challenge = scene.challenge().await?;
    // What was sent for one thing opens no other.
    scene.answer(&challenge, &first, 409).await?;
    scene.answer(&challenge, &text(&enabled["backup_codes"][0]), 200).await?;
    scene.mailbox.mail_about(ADA, "A backup code was used").await?;
    Ok(())
}

#[tokio::test]
async fn codes_to_a_telephone_go_through_the_service_once_and_open_the_sign_in()
-> anyhow::Result<()> {
    let twilio = Twilio::default();
    let mailbox = Mailbox::start()?;
    let program = Setup::default()
        .with("SMTP_URL", mailbox.url())
        .with("ANNALS_ADMIN_EMAIL", ADMIN)
        .with("ANNALS_ADMIN_PASSWORD", PASSWORD)
        .with("TWILIO_BASE_URL", twilio.start().await?)
        .with("TWILIO_ACCOUNT_SID", "AC1")
        .with("TWILIO_AUTH_TOKEN", "secret")
        .with("TWILIO_FROM", "+15005550006")
        .start()
        .await?;
    let ada = Person::verified(&program, &mailbox, ADA).await?;
    let scene = Scene { program, mailbox, ada };
    let enable = json!({ "phone_number": NUMBER });
    scene.ask("/v1/auth/2fa/enable", &enable, 202).await?;
    let (who, body) = twilio.messages(1).await?.remove(0);
    assert_eq!(who, "Basic QUMxOnNlY3JldA==");
    assert!(body.contains("To=%2B14155552671") && body.contains("From=%2B15005550006"), "{body}");

    let code = code_in(&body.replace('+', " "))?;
    scene.ask("/v1/auth/2fa/verify", &json!({ "code": code }), 200).await?;
    let status = scene.status().await?;
    assert_eq!(status["phone_number"], "+1******2671");
    assert_eq!(status["methods"], json!(["sms", "backup_code"]));

    // Half a minute has to pass between two codes.
    tokio::time::sleep(Duration::from_secs(31)).await;
    let challenge = scene.challenge().await?;
    let wish = json!({ "challenge_token": challenge });
    let sent = scene.post("/v1/auth/2fa/send-code", &wish, 200).await?;
    assert_eq!(sent["expires_in"], 300);
    let (_, body) = twilio.messages(2).await?.remove(1);
    let code = code_in(&body.replace('+', " "))?;
    let tokens = scene.answer(&challenge, &code, 200).await?;
    assert!(tokens["access_token"].is_string());
    assert_eq!(twilio.messages(2).await?.len(), 2, "each code is sent once");
    nothing_in_clear(&scene, &code).await
}

/// Neither the number nor a code stands in the log.
async fn nothing_in_clear(scene: &Scene, code: &str) -> anyhow::Result<()> {
    let pool = sqlx::PgPool::connect(&scene.program.database_url()).await?;
    let found =
        "select count(*) from log.event where position(convert_to($1, 'UTF8') in payload) > 0";
    for secret in ["4155552671", &format!("\"{code}\"")] {
        let found: i64 = sqlx::query_scalar(found).bind(secret).fetch_one(&pool).await?;
        assert_eq!(found, 0, "{secret}");
    }
    Ok(())
}

#[tokio::test]
async fn without_a_service_codes_go_to_the_mail_folder_and_are_erased_with_the_person()
-> anyhow::Result<()> {
    let scene = Scene::set().await?;
    scene.ask("/v1/auth/2fa/enable", &json!({ "phone_number": NUMBER }), 202).await?;
    let folder = scene.program.data().join("mail");
    let mut found = None;
    for _ in 0..500 {
        found = std::fs::read_dir(&folder)?
            .filter_map(|entry| entry.ok().map(|entry| entry.path()))
            .find(|path| path.to_string_lossy().ends_with(".sms.txt"));
        if found.is_some() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let file = anyhow::Context::context(found, "a message")?;
    let message = std::fs::read_to_string(&file)?;
    assert!(message.starts_with("To: +14155552671\n"), "{message}");
    let shown = json!({ "code": code_in(&message)? });
    let enabled = scene.ask("/v1/auth/2fa/verify", &shown, 200).await?;

    let account = scene.program.delete("/v1/auth/account");
    let wish = json!({ "password": PASSWORD, "code": enabled["backup_codes"][0] });
    json(scene.ada.asks(account.json(&wish)).send().await?, 200).await?;
    assert!(!file.exists());
    Ok(())
}

#[tokio::test]
async fn what_is_no_number_or_no_method_is_refused_with_its_place() -> anyhow::Result<()> {
    let scene = Scene::set().await?;
    for (body, pointer) in [
        (json!({ "phone_number": "4155552671" }), "/phone_number"),
        (json!({ "phone_number": "+1415555\r\n2671" }), "/phone_number"),
        (json!({}), "/phone_number"),
        (json!({ "method": "carrier pigeon" }), "/method"),
        (json!({ "method": "backup_code" }), "/method"),
        (json!({ "method": "email", "code": "12" }), "/code"),
    ] {
        let problem: Value = scene.ask("/v1/auth/2fa/enable", &body, 422).await?;
        assert_eq!(problem["errors"][0]["pointer"], pointer, "{body}");
    }
    scene.ask("/v1/auth/2fa/send-code", &json!({}), 409).await?;
    scene.post("/v1/auth/2fa/send-code", &json!({}), 401).await?;
    Ok(())
}
