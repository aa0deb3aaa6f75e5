//! One journey through everything: from the registration to the rebuilt read models.

use serde_json::{Value, json};
use tests::{
    Mailbox, Program, Setup, json,
    provider::{Reply, ScriptedProvider},
};

use crate::person::{PASSWORD, Person};

const ADMIN: &str = "admin@example.org";

async fn program(mailbox: &Mailbox, provider: &ScriptedProvider) -> anyhow::Result<Program> {
    Setup::default()
        .with("SMTP_URL", mailbox.url())
        .with("ANNALS_ADMIN_EMAIL", ADMIN)
        .with("ANNALS_ADMIN_PASSWORD", PASSWORD)
        .with("OPENAI_BASE_URL", provider.openai_url())
        .with("OPENAI_API_KEY", "sk-test")
        .start()
        .await
}

async fn change_settings(program: &Program, ada: &Person) -> anyhow::Result<()> {
    let language = json!({ "preferred_language": "de", "timezone": "Europe/Berlin" });
    let request = ada.asks(program.put("/v1/settings/communication", &language));
    json(request.send().await?, 200).await?;
    let quiet = json!({ "product_updates": false });
    let request = ada.asks(program.put("/v1/settings/notifications/preferences", &quiet));
    json(request.send().await?, 200).await?;
    Ok(())
}

/// Two model calls with two tools of ours in between.
fn tool_loop() -> Vec<Reply> {
    let create = json!({ "table_name": "cities", "schema": { "name": "string" } });
    let insert = json!({ "table_name": "cities", "rows": [{ "name": "Berlin" }] });
    vec![
        Reply::ToolCalls(vec![("call_1".into(), "zerodb_create_table".into(), create.to_string())]),
        Reply::ToolCalls(vec![("call_2".into(), "zerodb_insert_rows".into(), insert.to_string())]),
        Reply::Text("Berlin is noted.".into()),
    ]
}

async fn chat(program: &Program, ada: &Person) -> anyhow::Result<Value> {
    let body = json!({
        "provider": "openai",
        "model": "gpt-test",
        "messages": [{ "role": "user", "content": "note Berlin" }],
        "tool_subset": ["zerodb_create_table", "zerodb_insert_rows"],
    });
    let answer = ada.asks(program.post("/v1/chat/completions", &body)).send().await?;
    json(answer, 200).await
}

/// All that a person and an administrator can read.
async fn everything(program: &Program, ada: &Person, session: &str) -> anyhow::Result<Vec<Value>> {
    let mut answers = Vec::new();
    for path in [
        "/v1/auth/me".to_owned(),
        "/v1/auth/sessions".to_owned(),
        "/v1/settings/communication".to_owned(),
        "/v1/settings/notifications/preferences".to_owned(),
        "/v1/chat/sessions".to_owned(),
        format!("/v1/chat/sessions/{session}/history"),
        "/v1/managed/usage".to_owned(),
    ] {
        answers.push(json(ada.asks(program.get(&path)).send().await?, 200).await?);
    }
    // Asking is being seen.
    answers[1]["sessions"][0]["last_seen_at"] = Value::Null;
    Ok(answers)
}

async fn numbers(program: &Program, admin: &Person) -> anyhow::Result<Value> {
    let request = admin.asks(program.get("/v1/admin/monitoring/dashboard"));
    Ok(json(request.send().await?, 200).await?["data"].clone())
}

#[tokio::test]
async fn a_person_registers_chats_and_is_counted_and_a_rebuild_changes_nothing()
-> anyhow::Result<()> {
    let mailbox = Mailbox::start()?;
    let provider = ScriptedProvider::start().await;
    let program = program(&mailbox, &provider).await?;

    let ada = Person::verified(&program, &mailbox, "ada@example.org").await?;
    let ada = Person::sign_in(&program, &ada.email, PASSWORD).await?;
    change_settings(&program, &ada).await?;
    provider.script(tool_loop());
    let completion = chat(&program, &ada).await?;

    assert_eq!(completion["choices"][0]["message"]["content"], "Berlin is noted.");
    assert_eq!(completion["choices"][0]["finish_reason"], "stop");
    assert_eq!(completion["iterations"], 3);
    assert_eq!(completion["tool_executions"].as_array().map(Vec::len), Some(2));
    let session = completion["session_id"].as_str().unwrap_or_default().to_owned();

    let before = everything(&program, &ada, &session).await?;
    assert_eq!(before[0]["email_verified"], true);
    assert_eq!(before[2]["data"]["preferred_language"], "de");
    assert_eq!(before[2]["timezone"], "Europe/Berlin");
    assert_eq!(before[3]["product_updates"], false);
    let said = before[5]["messages"].as_array().cloned().unwrap_or_default();
    let roles: Vec<&str> = said.iter().filter_map(|message| message["role"].as_str()).collect();
    assert_eq!(roles, ["user", "assistant", "tool", "assistant", "tool", "assistant"]);

    let admin = Person::sign_in(&program, ADMIN, PASSWORD).await?;
    let counted = numbers(&program, &admin).await?;
    assert!(counted["log_position"].as_i64() > Some(0), "{counted}");
    let refused = ada.asks(program.get("/v1/admin/monitoring/dashboard")).send().await?;
    json(refused, 403).await?;

    rebuild_all(&program)?;

    assert_eq!(everything(&program, &ada, &session).await?, before);
    assert_eq!(numbers(&program, &admin).await?["totals"], counted["totals"]);
    assert_eq!(mailbox.mails()?.len(), 1, "a rebuild sends nothing");
    let verified = program.run(&["log", "verify"])?;
    assert!(verified.status.success(), "{}", String::from_utf8_lossy(&verified.stdout));
    Ok(())
}

fn rebuild_all(program: &Program) -> anyhow::Result<()> {
    let projections =
        ["users", "sessions", "api_keys", "settings", "chat_sessions", "usage", "admin", "audit"];
    for name in projections {
        let rebuilt = program.run(&["projections", "rebuild", name])?;
        let text = String::from_utf8_lossy(&rebuilt.stdout).into_owned();
        let errors = String::from_utf8_lossy(&rebuilt.stderr).into_owned();
        assert!(rebuilt.status.success() && text.contains("identical"), "{name}: {text}{errors}");
    }
    Ok(())
}
