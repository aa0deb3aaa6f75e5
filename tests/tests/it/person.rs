//! A person with an account, as journeys need one.

use reqwest::RequestBuilder;
use serde_json::{Value, json};
use tests::{Mailbox, Program, json};

/// A password that the policy takes.
pub const PASSWORD: &str = "a long walk along the river";

/// Somebody who registered and signed in.
pub struct Person {
    pub email: String,
    pub id: String,
    pub access: String,
    pub refresh: String,
}

impl Person {
    /// Registers under an address.
    pub async fn register(program: &Program, email: &str) -> anyhow::Result<Self> {
        let body = json!({ "email": email, "password": PASSWORD, "name": "Ada Lovelace" });
        let answer = program.post("/v1/auth/register", &body).send().await?;
        Ok(Self::from(email, &json(answer, 201).await?))
    }

    /// Registers, reads the mail and follows its link.
    pub async fn verified(
        program: &Program,
        mailbox: &Mailbox,
        email: &str,
    ) -> anyhow::Result<Self> {
        let person = Self::register(program, email).await?;
        let token = mailbox.mail_to(email).await?.token();
        let body = json!({ "token": token });
        json(program.post("/v1/auth/verify-email", &body).send().await?, 200).await?;
        Ok(person)
    }

    /// Signs in as somebody with the usual password.
    pub async fn sign_in(program: &Program, email: &str, password: &str) -> anyhow::Result<Self> {
        let body = json!({ "email": email, "password": password });
        let answer = program.post("/v1/auth/login", &body).send().await?;
        Ok(Self::from(email, &json(answer, 200).await?))
    }

    /// A request of this person's.
    pub fn asks(&self, request: RequestBuilder) -> RequestBuilder {
        request.bearer_auth(&self.access)
    }

    /// Whom a sign-in was answered with.
    pub fn from(email: &str, answer: &Value) -> Self {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        Self {
            email: email.to_owned(),
            id: text(&answer["user"]["id"]),
            access: text(&answer["access_token"]),
            refresh: text(&answer["refresh_token"]),
        }
    }
}
