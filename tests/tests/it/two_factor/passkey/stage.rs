//! Ada and her devices.

use anyhow::Context;
use serde_json::{Value, json};
use tests::json;

use super::{
    super::scene::{ADMIN, Scene, text},
    device::Device,
};
use crate::person::{PASSWORD, Person};

const PATH: &str = "/v1/auth/2fa/webauthn";

/// The journey of a passkey in three steps: asked for, signed, shown.
impl Scene {
    /// Where pages of the service come from, as a browser sees it.
    pub fn origin(&self) -> String {
        self.program.url().replace("127.0.0.1", "localhost")
    }

    /// Somebody registers a passkey of a device.
    pub async fn register(
        &self,
        person: &Person,
        device: &mut Device,
        name: &str,
    ) -> anyhow::Result<Value> {
        let start = self.program.post(&format!("{PATH}/register/start"), &json!({}));
        let asked = json(person.asks(start).send().await?, 200).await?;
        let credential = device.create(&self.origin(), &asked["publicKey"])?;
        let body = json!({
            "ceremony_token": asked["ceremony_token"], "name": name, "credential": credential
        });
        let finish = self.program.post(&format!("{PATH}/register/finish"), &body);
        json(person.asks(finish).send().await?, 200).await
    }

    /// Somebody is asked for a passkey.
    pub async fn asked(&self, wish: &Value) -> anyhow::Result<Value> {
        self.post(&format!("{PATH}/login/start"), wish, 200).await
    }

    /// What a device says when it is asked.
    pub fn says(&self, device: &mut Device, asked: &Value) -> anyhow::Result<Value> {
        let credential = device.get(&self.origin(), &asked["publicKey"])?;
        Ok(json!({ "ceremony_token": asked["ceremony_token"], "credential": credential }))
    }

    /// Somebody shows what a device has said.
    pub async fn shows(&self, body: &Value, status: u16) -> anyhow::Result<Value> {
        self.post(&format!("{PATH}/login/finish"), body, status).await
    }

    /// Somebody signs in with a passkey and nothing else.
    pub async fn comes_with(&self, device: &mut Device) -> anyhow::Result<Value> {
        let asked = self.asked(&json!({})).await?;
        let body = self.says(device, &asked)?;
        self.shows(&body, 200).await
    }

    /// Somebody who has signed in shows a passkey once more.
    pub async fn steps_up(
        &self,
        person: &Person,
        device: &mut Device,
        status: u16,
    ) -> anyhow::Result<Value> {
        let wish = json!({ "step_up": true });
        let start = self.program.post(&format!("{PATH}/login/start"), &wish);
        let asked = json(person.asks(start).send().await?, 200).await?;
        let body = self.says(device, &asked)?;
        let finish = self.program.post(&format!("{PATH}/login/finish"), &body);
        json(person.asks(finish).send().await?, status).await
    }

    /// Attempts to sign in as Ada, as she is told of them once all that happened can be read.
    pub async fn sign_ins(&self, outcome: &str) -> anyhow::Result<Vec<String>> {
        let admin = Person::sign_in(&self.program, ADMIN, PASSWORD).await?;
        let standing = admin.asks(self.program.get("/v1/admin/projections")).send().await?;
        let head = json(standing, 200).await?["data"]["log_position"].to_string();
        let path = format!("/v1/auth/sign-ins?outcome={outcome}");
        let list = self.ada.asks(self.program.get(&path)).header("x-log-position", head);
        let list = json(list.send().await?, 200).await?;
        let items = list["items"].as_array().context("items")?;
        Ok(items.iter().map(|item| text(&item["reason"])).collect())
    }

    /// Ada's passkeys.
    pub async fn passkeys(&self) -> anyhow::Result<Vec<Value>> {
        let list = json(self.ada.asks(self.program.get(PATH)).send().await?, 200).await?;
        Ok(list["passkeys"].as_array().context("passkeys")?.clone())
    }

    /// Ada removes a passkey, or all of them.
    pub async fn removes(&self, id: &str, proof: &Value, status: u16) -> anyhow::Result<Value> {
        let path = if id.is_empty() { PATH.to_owned() } else { format!("{PATH}/{id}") };
        let request = self.program.delete(&path).json(proof);
        json(self.ada.asks(request).send().await?, status).await
    }

    /// Secrets that are kept beside Ada's factors.
    pub async fn secrets(&self) -> anyhow::Result<i64> {
        let pool = sqlx::PgPool::connect(&self.program.database_url()).await?;
        let owner = domain::Category::Factors.stream_of(self.ada.id.parse()?);
        let count = "select count(*) from vault.secret where owner_id = $1";
        Ok(sqlx::query_scalar(count).bind(owner).fetch_one(&pool).await?)
    }
}
