//! A program with an administrator and a person who did a few things.

use serde_json::{Value, json};
use tests::{Program, Setup, json};

use crate::person::{PASSWORD, Person};

pub const ADMIN: &str = "admin@example.org";
/// The address that a trusted proxy says the person comes from.
pub const ADDRESS: &str = "203.0.113.7";
pub const AGENT: &str = "=cmd|' /C calc'!A0";

pub struct Scene {
    pub program: Program,
    pub admin: Person,
    pub ada: Person,
}

impl Scene {
    /// Ada registered, signed in from [`ADDRESS`] with [`AGENT`], and changed her language.
    pub async fn set() -> anyhow::Result<Self> {
        let program = Setup::default()
            .with("ANNALS_ADMIN_EMAIL", ADMIN)
            .with("ANNALS_ADMIN_PASSWORD", PASSWORD)
            .with("ANNALS_TRUSTED_PROXIES", "127.0.0.0/8")
            .start()
            .await?;
        Person::register(&program, "ada@example.org").await?;
        let body = json!({ "email": "ada@example.org", "password": PASSWORD });
        let request = program.post("/v1/auth/login", &body);
        let request = request.header("x-forwarded-for", ADDRESS).header("user-agent", AGENT);
        let ada = Person::from("ada@example.org", &json(request.send().await?, 200).await?);
        let admin = Person::sign_in(&program, ADMIN, PASSWORD).await?;
        let scene = Self { program, admin, ada };
        scene.speak("de").await?;
        Ok(scene)
    }

    /// Ada changes her language; answers the position from which on that is so.
    pub async fn speak(&self, language: &str) -> anyhow::Result<i64> {
        let change = json!({ "preferred_language": language });
        let request = self.ada.asks(self.program.put("/v1/settings/communication", &change));
        let answer = request.header("x-forwarded-for", ADDRESS).send().await?;
        let position = answer.headers().get("x-log-position").and_then(|it| it.to_str().ok());
        let position = position.and_then(|it| it.parse().ok()).unwrap_or_default();
        json(answer, 200).await?;
        Ok(position)
    }

    /// What an administrator is answered, once everything that happened can be read.
    pub async fn admin(&self, path: &str, status: u16) -> anyhow::Result<Value> {
        self.ask(&self.admin, path, status).await
    }

    /// What Ada is answered, once everything that happened can be read.
    pub async fn ada(&self, path: &str, status: u16) -> anyhow::Result<Value> {
        self.ask(&self.ada, path, status).await
    }

    async fn ask(&self, person: &Person, path: &str, status: u16) -> anyhow::Result<Value> {
        let standing = self.admin.asks(self.program.get("/v1/admin/projections"));
        let standing = json(standing.send().await?, 200).await?;
        let head = standing["data"]["log_position"].to_string();
        let request = person.asks(self.program.get(path)).header("x-log-position", head);
        json(request.send().await?, status).await
    }

    /// A wrong password for Ada's account, from somewhere.
    pub async fn fail_to_sign_in(&self, address: &str) -> anyhow::Result<()> {
        let body = json!({ "email": self.ada.email, "password": "not the right password" });
        let request = self.program.post("/v1/auth/login", &body);
        json(request.header("x-forwarded-for", address).send().await?, 401).await?;
        Ok(())
    }
}

/// The items of an answer.
pub fn items(answer: &Value) -> Vec<Value> {
    answer["items"].as_array().cloned().unwrap_or_default()
}

/// One field of all items, as text.
pub fn texts(answer: &Value, field: &str) -> Vec<String> {
    items(answer).iter().map(|it| it[field].as_str().unwrap_or_default().to_owned()).collect()
}
