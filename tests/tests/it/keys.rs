//! API keys: what they open, how they are changed, who may do what about whose.

mod administration;
mod changing;
mod scopes;

use anyhow::Context;
use reqwest::RequestBuilder;
use serde_json::{Value, json};
use tests::{Program, Setup, json};

use crate::person::{PASSWORD, Person};

const ADMIN: &str = "admin@example.org";

/// A superuser and a person.
struct Scene {
    program: Program,
    admin: Person,
    ada: Person,
}

impl Scene {
    async fn set() -> anyhow::Result<Self> {
        let program = Setup::default()
            .with("ANNALS_ADMIN_EMAIL", ADMIN)
            .with("ANNALS_ADMIN_PASSWORD", PASSWORD)
            .start()
            .await?;
        let ada = Person::register(&program, "ada@example.org").await?;
        let admin = Person::sign_in(&program, ADMIN, PASSWORD).await?;
        Ok(Self { program, admin, ada })
    }

    /// A key of somebody's, and its id.
    async fn key(&self, of: &Person, new: &Value) -> anyhow::Result<(String, String)> {
        let made = of.asks(self.program.post("/v1/settings/api-keys", new)).send().await?;
        parts(&json(made, 201).await?)
    }

    /// What a person is answered.
    async fn ask(
        &self,
        person: &Person,
        request: RequestBuilder,
        status: u16,
    ) -> anyhow::Result<Value> {
        json(person.asks(request).send().await?, status).await
    }

    /// What looking at one's account with a key is answered.
    async fn opens(&self, key: &str) -> anyhow::Result<u16> {
        let me = self.program.get("/v1/auth/me").header("X-API-Key", key).send().await?;
        Ok(me.status().as_u16())
    }

    async fn ada_key(&self) -> anyhow::Result<(String, String)> {
        self.key(&self.ada, &json!({ "name": "ci" })).await
    }
}

/// The secret and the id of an answer.
fn parts(answer: &Value) -> anyhow::Result<(String, String)> {
    let text = |name: &str| answer[name].as_str().map(str::to_owned).context("no key");
    Ok((text("api_key")?, text("id")?))
}
