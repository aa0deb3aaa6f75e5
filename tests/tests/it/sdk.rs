//! Clients as they come from their registries, unmodified.

use std::process::Command;

use anyhow::ensure;
use serde_json::json;
use tests::{
    Setup, json,
    provider::{Reply, ScriptedProvider},
    python_with_sdks,
};

use crate::person::Person;

async fn succeeds(mut command: Command) -> anyhow::Result<String> {
    let output = tokio::task::spawn_blocking(move || command.output()).await??;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let complained = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{said}\n{complained}");
    Ok(said)
}

#[tokio::test]
async fn the_providers_own_sdks_accept_what_the_scripted_provider_says() -> anyhow::Result<()> {
    let mut check = python_with_sdks("tests/sdk/check_fixtures.py");
    check.arg(env!("CARGO_BIN_EXE_scripted-provider"));

    succeeds(check).await?;
    Ok(())
}

#[tokio::test]
async fn unmodified_clients_complete_and_stream_a_chat() -> anyhow::Result<()> {
    let provider = ScriptedProvider::start().await;
    provider.otherwise(Reply::Text("Hello there.".into()));
    let program = Setup::default()
        .with("OPENAI_BASE_URL", provider.openai_url())
        .with("OPENAI_API_KEY", "sk-test")
        .start()
        .await?;
    let ada = Person::register(&program, "ada@example.org").await?;
    let new = json!({ "name": "sdks" });
    let made = ada.asks(program.post("/v1/settings/api-keys", &new)).send().await?;
    let key = json(made, 201).await?["api_key"].as_str().unwrap_or_default().to_owned();

    let mut check = python_with_sdks("tests/sdk/check_clients.py");
    check.env("ANNALS_URL", program.url()).env("ANNALS_API_KEY", key);
    let said = succeeds(check).await?;

    for client in ["openai", "ainative-openai", "ainative-agent", "ainative-python"] {
        assert!(said.contains(&format!("ok {client}")), "{said}");
    }
    Ok(())
}
