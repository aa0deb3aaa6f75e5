//! Accounts: passwords, links in mails, other addresses, and "this was not me".

mod breaches;
mod hidden;
mod links;
mod passwords;
mod profile;
mod undo;

use reqwest::Response;
use serde_json::{Value, json};
use tests::{Mail, Mailbox, Program, Setup, json};

use crate::person::{PASSWORD, Person};

const NEW: &str = "another walk along the sea";
const ADMIN: &str = "admin@example.org";

/// A program whose mails arrive, and somebody whose mailbox is proven.
struct Scene {
    program: Program,
    mailbox: Mailbox,
    ada: Person,
}

impl Scene {
    async fn open() -> anyhow::Result<Self> {
        let (mailbox, program) = start().await?;
        let ada = Person::verified(&program, &mailbox, "ada@example.org").await?;
        Ok(Self { program, mailbox, ada })
    }

    /// Posts without being anybody, and expects a status.
    async fn post(&self, path: &str, body: &Value, status: u16) -> anyhow::Result<Value> {
        json(self.program.post(path, body).send().await?, status).await
    }

    /// Posts as Ada, and expects a status.
    async fn ada_posts(&self, path: &str, body: &Value, status: u16) -> anyhow::Result<Value> {
        json(self.ada.asks(self.program.post(path, body)).send().await?, status).await
    }

    async fn change_password(&self, current: &str, new: &str) -> anyhow::Result<Value> {
        let body = json!({ "current_password": current, "new_password": new });
        self.ada_posts("/v1/auth/change-password", &body, 200).await
    }

    async fn sign_in(&self, email: &str, password: &str) -> anyhow::Result<u16> {
        let body = json!({ "email": email, "password": password });
        let answer = self.program.post("/v1/auth/login", &body).send().await?;
        Ok(answer.status().as_u16())
    }

    /// Whether somebody's access token still opens anything.
    async fn is_signed_in(&self, person: &Person) -> anyhow::Result<bool> {
        let me: Response = person.asks(self.program.get("/v1/auth/me")).send().await?;
        Ok(me.status().is_success())
    }

    async fn mail(&self, address: &str, subject: &str) -> anyhow::Result<Mail> {
        self.mailbox.mail_about(address, subject).await
    }

    /// The token in the first mail to an address about something.
    async fn token(&self, address: &str, subject: &str) -> anyhow::Result<String> {
        Ok(self.mail(address, subject).await?.token().unwrap_or_default())
    }

    async fn reset_token(&self) -> anyhow::Result<String> {
        self.post("/v1/auth/forgot-password", &json!({ "email": self.ada.email }), 200).await?;
        self.token(&self.ada.email, "Choose a new password").await
    }

    /// Moves Ada's account to another address.
    async fn move_to(&self, address: &str, password: &str) -> anyhow::Result<()> {
        let body = json!({ "new_email": address, "password": password });
        self.ada_posts("/v1/auth/change-email", &body, 202).await?;
        let token = self.token(address, "Confirm your new e-mail address").await?;
        self.post("/v1/auth/confirm-email-change", &json!({ "token": token }), 200).await?;
        Ok(())
    }
}

async fn start() -> anyhow::Result<(Mailbox, Program)> {
    let mailbox = Mailbox::start()?;
    let setup = Setup::default()
        .with("SMTP_URL", mailbox.url())
        .with("ANNALS_ADMIN_EMAIL", ADMIN)
        .with("ANNALS_ADMIN_PASSWORD", PASSWORD);
    Ok((mailbox, setup.start().await?))
}
