//! Somebody with an authenticator app, as journeys need one.

use std::time::{Duration, SystemTime};

use anyhow::{Context, ensure};
use serde_json::{Value, json};
use tests::{Mailbox, Program, Setup, bare_python, json};

use crate::person::{PASSWORD, Person};

pub const ADMIN: &str = "admin@example.org";
pub const ADA: &str = "ada@example.org";

pub struct Scene {
    pub program: Program,
    pub mailbox: Mailbox,
    pub ada: Person,
}

/// An authenticator app.
pub struct App {
    pub secret: String,
    pub backup_codes: Vec<String>,
}

impl Scene {
    /// Ada has a verified account.
    pub async fn set() -> anyhow::Result<Self> {
        let mailbox = Mailbox::start()?;
        let program = Setup::default()
            .with("SMTP_URL", mailbox.url())
            .with("ANNALS_ADMIN_EMAIL", ADMIN)
            .with("ANNALS_ADMIN_PASSWORD", PASSWORD)
            .start()
            .await?;
        let ada = Person::verified(&program, &mailbox, ADA).await?;
        Ok(Self { program, mailbox, ada })
    }

    /// Ada has turned two-factor authentication on, with a code of the step before this one.
    pub async fn with_app() -> anyhow::Result<(Self, App)> {
        let scene = Self::set().await?;
        let setup = scene.ask("/v1/auth/2fa/setup", &json!({ "password": PASSWORD }), 200).await?;
        let secret = text(&setup["secret"]);
        let code = code(&secret, -1).await?;
        let answer = scene.ask("/v1/auth/2fa/verify", &json!({ "code": code }), 200).await?;
        let backup_codes = answer["backup_codes"].as_array().context("backup codes")?;
        let backup_codes = backup_codes.iter().map(text).collect();
        Ok((scene, App { secret, backup_codes }))
    }

    /// Ada asks for something.
    pub async fn ask(&self, path: &str, body: &Value, status: u16) -> anyhow::Result<Value> {
        json(self.ada.asks(self.program.post(path, body)).send().await?, status).await
    }

    /// Somebody who has not signed in asks for something.
    pub async fn post(&self, path: &str, body: &Value, status: u16) -> anyhow::Result<Value> {
        json(self.program.post(path, body).send().await?, status).await
    }

    /// Ada signs in by password and is asked for a code.
    pub async fn challenge(&self) -> anyhow::Result<String> {
        let body = json!({ "email": ADA, "password": PASSWORD });
        let answer = self.post("/v1/auth/login", &body, 200).await?;
        ensure!(answer["two_factor_required"] == true, "no challenge: {answer}");
        ensure!(answer.get("access_token").is_none(), "tokens beside a challenge");
        Ok(text(&answer["challenge_token"]))
    }

    /// Ada answers a challenge.
    pub async fn answer(&self, token: &str, code: &str, status: u16) -> anyhow::Result<Value> {
        let body = json!({ "challenge_token": token, "code": code });
        self.post("/v1/auth/2fa/verify", &body, status).await
    }

    /// What Ada is answered about her factors.
    pub async fn status(&self) -> anyhow::Result<Value> {
        json(self.ada.asks(self.program.get("/v1/auth/2fa/status")).send().await?, 200).await
    }

    /// How many events of a name the log has.
    pub async fn events(&self, name: &str) -> anyhow::Result<usize> {
        let admin = Person::sign_in(&self.program, ADMIN, PASSWORD).await?;
        let path = format!("/v1/admin/log?type={name}&limit=100");
        let answer = json(admin.asks(self.program.get(&path)).send().await?, 200).await?;
        let found = answer["events"].as_array().or_else(|| answer["items"].as_array());
        Ok(found.with_context(|| format!("events: {answer}"))?.len())
    }
}

/// A code of an app, so many steps from now; never one of a step that is about to end.
pub async fn code(secret: &str, steps: i64) -> anyhow::Result<String> {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?;
    let left = 30 - now.as_secs() % 30;
    if left < 8 {
        tokio::time::sleep(Duration::from_secs(left)).await;
    }
    let steps = steps.to_string();
    let output = bare_python("tests/totp/code.py").args([secret, &steps]).output()?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Ok(String::from_utf8(output.stdout)?.trim().to_owned())
}

/// A code that is wrong whatever the time is.
pub async fn wrong_code(secret: &str) -> anyhow::Result<String> {
    let right = [code(secret, -2).await?, code(secret, -1).await?, code(secret, 0).await?];
    let next = code(secret, 1).await?;
    let candidates = ["000000", "111111", "222222", "333333", "444444"];
    let wrong =
        candidates.into_iter().find(|it| !right.iter().any(|code| code == it) && next != *it);
    Ok(wrong.context("a wrong code")?.to_owned())
}

pub fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// The code in a message.
pub fn code_in(message: &str) -> anyhow::Result<String> {
    let message = message.split_once("your code is ").map_or(message, |(_, rest)| rest);
    let mut numbers = message.split(|c: char| !c.is_ascii_digit());
    let code = numbers.find(|number| number.len() == 6);
    Ok(code.with_context(|| format!("a code in {message}"))?.to_owned())
}
