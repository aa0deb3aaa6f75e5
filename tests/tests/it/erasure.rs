//! Erasing people: what is sealed before, and what is left after.

mod crash;
mod everyone;
mod histories;
mod search;
mod stream;
mod vault;

use serde_json::{Value, json};
use tests::{
    Program, Setup, json,
    provider::{Reply, ScriptedProvider},
};

use crate::person::{PASSWORD, Person};
use search::{MARKER, Search};

const ADMIN: &str = "admin@example.org";
/// The master key of processes that share a database.
const MASTER: &str = "AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA=";

fn setup(provider: &ScriptedProvider) -> Setup {
    Setup::default()
        .with("ANNALS_MASTER_KEY", MASTER)
        .with("ANNALS_ADMIN_EMAIL", ADMIN)
        .with("ANNALS_ADMIN_PASSWORD", PASSWORD)
        .with("OPENAI_BASE_URL", provider.openai_url())
        .with("OPENAI_API_KEY", "sk-test")
        .with("RUST_LOG", "debug,hyper=info,h2=info")
}

fn email() -> String {
    format!("{MARKER}@example.org")
}

/// Somebody who put the marker wherever the program takes a text.
struct Marked {
    person: Person,
    key: String,
}

impl Marked {
    async fn create(program: &Program, provider: &ScriptedProvider) -> anyhow::Result<Self> {
        let body =
            json!({ "email": email(), "password": PASSWORD, "name": format!("Ada {MARKER}") });
        let agent = format!("{MARKER}/1.0");
        let register = program.post("/v1/auth/register", &body).header("user-agent", &agent);
        json(register.send().await?, 201).await?;
        let wrong = json!({ "email": email(), "password": "wrong and long enough" });
        let wrong = program.post("/v1/auth/login", &wrong).header("user-agent", &agent);
        json(wrong.send().await?, 401).await?;
        let person = Person::sign_in(program, &email(), PASSWORD).await?;
        let settings = json!({ "preferred_language": "de", "timezone": "Europe/Berlin" });
        let settings = person.asks(program.put("/v1/settings/communication", &settings));
        json(settings.send().await?, 200).await?;
        let key = json!({ "name": format!("{MARKER} key") });
        let key = person.asks(program.post("/v1/settings/api-keys", &key)).send().await?;
        let key = json(key, 201).await?["api_key"].as_str().unwrap_or_default().to_owned();
        let titled = json!({ "title": format!("{MARKER} title") });
        let titled = person.asks(program.post("/v1/chat/sessions", &titled));
        let titled = json(titled.send().await?, 201).await?;
        talk(program, &person, titled["id"].as_str().unwrap_or_default()).await?;
        let told = json!({
            "full_name": format!("Ada {MARKER}"), "username": MARKER,
            "avatar_url": format!("https://example.org/{MARKER}.png"),
        });
        json(person.asks(program.patch("/v1/auth/me", &told)).send().await?, 200).await?;
        let moving = json!({ "new_email": format!("{MARKER}@new.example"), "password": PASSWORD });
        let moving = person.asks(program.post("/v1/auth/change-email", &moving));
        json(moving.send().await?, 202).await?;
        chat(program, provider, &person).await?;
        Ok(Self { person, key })
    }

    /// Whether none of the credentials opens anything.
    async fn is_shut_out(&self, program: &Program) -> anyhow::Result<()> {
        json(self.person.asks(program.get("/v1/auth/me")).send().await?, 401).await?;
        let by_key = program.get("/v1/auth/me").header("X-API-Key", &self.key);
        json(by_key.send().await?, 401).await?;
        let refresh = json!({ "refresh_token": self.person.refresh });
        json(program.post("/v1/auth/refresh", &refresh).send().await?, 401).await?;
        let mut answers = Vec::new();
        for email in [email(), "nobody@example.org".to_owned()] {
            let body = json!({ "email": email, "password": PASSWORD });
            let mut answer = json(program.post("/v1/auth/login", &body).send().await?, 401).await?;
            answer["request_id"] = Value::Null;
            answers.push(answer);
        }
        assert_eq!(answers[0], answers[1]);
        Ok(())
    }
}

/// Says so much in a conversation that it gets a snapshot.
async fn talk(program: &Program, ada: &Person, session: &str) -> anyhow::Result<()> {
    let said = |number| json!({ "role": "user", "content": format!("{MARKER} {number}") });
    let body = json!({ "messages": (0..70).map(said).collect::<Vec<_>>() });
    let path = format!("/v1/chat/sessions/{session}/messages");
    json(ada.asks(program.post(&path, &body)).send().await?, 201).await?;
    Ok(())
}

/// A conversation in which tools keep what is said, and another one that fails.
async fn chat(program: &Program, provider: &ScriptedProvider, ada: &Person) -> anyhow::Result<()> {
    let table = format!("{MARKER}_table");
    let create =
        json!({ "table_name": table, "schema": { "note": MARKER }, "description": MARKER });
    let insert = json!({ "table_name": table, "rows": [{ "note": MARKER }, { "note": "other" }] });
    let query = json!({ "table_name": table, "filters": { "note": MARKER } });
    let call = |id: &str, name: &str, arguments: &Value| {
        Reply::ToolCalls(vec![(id.into(), name.into(), arguments.to_string())])
    };
    provider.script([
        call("a", "zerodb_create_table", &create),
        call("b", "zerodb_insert_rows", &insert),
        call("c", "zerodb_query_table", &query),
        Reply::Text(format!("noted {MARKER}")),
        Reply::Status {
            code: 400,
            retry_after: None,
            body: json!({ "error": { "message": format!("cannot read {MARKER}") } }),
        },
    ]);
    let body = json!({
        "provider": "openai", "model": "gpt-test",
        "messages": [{ "role": "user", "content": format!("note {MARKER}") }],
        "tool_subset": ["zerodb_create_table", "zerodb_insert_rows", "zerodb_query_table"],
    });
    let answer = ada.asks(program.post("/v1/chat/completions", &body)).send().await?;
    let answer = json(answer, 200).await?;
    assert_eq!(answer["choices"][0]["message"]["content"], format!("noted {MARKER}"));
    let told =
        provider.journal().iter().map(|request| request.body.to_string()).collect::<String>();
    assert!(told.contains("\\\"count\\\":1"), "a row is found by what it is equal to: {told}");
    let failed = ada.asks(program.post("/v1/chat/completions", &body)).send().await?;
    assert!(failed.status().is_client_error(), "{}", failed.status());
    Ok(())
}

/// Asks to be erased, and returns the certificate.
async fn leave(program: &Program, person: &Person) -> anyhow::Result<Value> {
    let wish = json!({ "password": PASSWORD, "reason": format!("{MARKER} goes") });
    let request = person.asks(program.delete("/v1/auth/account").json(&wish));
    let answer = json(request.send().await?, 200).await?;
    assert_eq!(answer["status"], "erased");
    Ok(answer["certificate"].clone())
}

async fn search(program: &Program) -> anyhow::Result<Search> {
    Search::of(program).await
}
