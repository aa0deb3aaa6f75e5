//! What an auditor does: keeps a key and a head, asks for proofs, and checks them somewhere else.

mod auditor;
mod browse;
mod verify;

use std::{process::Output, time::Duration};

use anyhow::ensure;
use serde_json::Value;
use tests::{Program, Setup, json};

use crate::person::{PASSWORD, Person};

const ADMIN: &str = "admin@example.org";

/// A running program, with an administrator and some people.
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
        Person::register(&program, "bob@example.org").await?;
        let admin = Person::sign_in(&program, ADMIN, PASSWORD).await?;
        Ok(Self { program, admin, ada })
    }

    async fn get(&self, path: &str, expected: u16) -> anyhow::Result<Value> {
        json(self.admin.asks(self.program.get(path)).send().await?, expected).await
    }

    /// Waits until every event is under a signed head; how many there are.
    async fn sealed(&self) -> anyhow::Result<i64> {
        for _ in 0..200 {
            let head = self.get("/v1/admin/log?limit=1", 200).await?["head"].as_i64();
            let heads = self.get("/v1/admin/log/heads", 200).await?;
            if head.is_some() && heads["latest"]["size"].as_i64() == head {
                return Ok(head.unwrap_or_default());
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        anyhow::bail!("nothing is sealed: {}", self.program.log())
    }

    /// Runs a command of the program, which has to succeed, and gives what it printed.
    fn prints(&self, arguments: &[&str]) -> anyhow::Result<String> {
        printed(&self.program.run(arguments)?)
    }

    fn file(&self, name: &str) -> String {
        self.program.data().join(name).to_string_lossy().into_owned()
    }

    /// As a superuser of the database may.
    async fn forge(&self, sql: &'static str) -> anyhow::Result<()> {
        let pool = sqlx::PgPool::connect(self.program.database().unwrap_or_default()).await?;
        for table in ["event", "seal", "tree_node"] {
            let sql = format!("alter table log.{table} disable trigger all");
            sqlx::query(sqlx::AssertSqlSafe(sql)).execute(&pool).await?;
        }
        let changed = sqlx::query(sql).execute(&pool).await?.rows_affected();
        pool.close().await;
        ensure!(changed > 0, "nothing was changed");
        Ok(())
    }
}

fn printed(output: &Output) -> anyhow::Result<String> {
    let errors = String::from_utf8_lossy(&output.stderr);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    ensure!(output.status.success(), "{text}{errors}");
    Ok(text)
}

/// The report of a command that has to fail.
fn refused(output: &Output) -> anyhow::Result<Value> {
    let text = String::from_utf8_lossy(&output.stdout);
    ensure!(!output.status.success(), "it succeeded: {text}");
    Ok(serde_json::from_str(&text)?)
}
