//! What callers get wrong, and what providers do: a clear problem each, nothing half-written.

use serde_json::{Value, json};
use tests::{
    Program, Setup, json,
    provider::{Reply, ScriptedProvider},
};

use crate::person::Person;

struct Scene {
    program: Program,
    provider: ScriptedProvider,
    ada: Person,
}

impl Scene {
    async fn set() -> anyhow::Result<Self> {
        let provider = ScriptedProvider::start().await;
        let program = Setup::default()
            .with("OPENAI_BASE_URL", provider.openai_url())
            .with("OPENAI_API_KEY", "sk-test")
            .start()
            .await?;
        let ada = Person::register(&program, "ada@example.org").await?;
        Ok(Self { program, provider, ada })
    }

    async fn chat(&self, change: &Value) -> anyhow::Result<reqwest::Response> {
        let mut body = json!({
            "provider": "openai", "model": "m",
            "messages": [{ "role": "user", "content": "hello" }],
        });
        if let (Some(body), Some(change)) = (body.as_object_mut(), change.as_object()) {
            body.extend(change.clone());
        }
        let request = self.ada.asks(self.program.post("/v1/chat/completions", &body));
        Ok(request.send().await?)
    }
}

fn is_problem(problem: &Value, status: u16) {
    assert_eq!(problem["status"], status, "{problem}");
    assert_eq!(problem["detail"], problem["message"]);
    assert_eq!(problem["error"]["message"], problem["message"]);
    assert!(problem["request_id"].is_string() && problem["code"].is_string(), "{problem}");
}

#[tokio::test]
async fn malformed_bodies_are_told_from_wrong_ones() -> anyhow::Result<()> {
    let Scene { program, ada, .. } = Scene::set().await?;
    let put = |body: &'static str| {
        ada.asks(program.put("/v1/settings/communication", &json!({})))
            .header("content-type", "application/json")
            .body(body)
    };

    is_problem(&json(put("{\"timezone\":").send().await?, 400).await?, 400);
    let wrong = json(put(r#"{"timezone":"Mars/Olympus"}"#).send().await?, 422).await?;
    is_problem(&wrong, 422);
    assert_eq!(wrong["errors"][0]["pointer"], "/timezone");
    let typed = json(put(r#"{"slack_notifications":"yes"}"#).send().await?, 422).await?;
    assert_eq!(typed["errors"][0]["pointer"], "/slack_notifications");
    let alerts = json!({ "security_alerts": false });
    let refused = ada.asks(program.put("/v1/settings/notifications/preferences", &alerts));
    let refused = json(refused.send().await?, 422).await?;
    assert_eq!(refused["code"], "category_mandatory");
    Ok(())
}

#[tokio::test]
async fn bodies_over_the_limit_are_refused() -> anyhow::Result<()> {
    let Scene { program, ada, .. } = Scene::set().await?;
    let body = json!({ "email": "a".repeat(1 << 20), "password": "x" });
    is_problem(&json(program.post("/v1/auth/login", &body).send().await?, 413).await?, 413);

    let messages = json!([{ "role": "user", "content": "a".repeat(4 << 20) }]);
    let body = json!({ "provider": "openai", "model": "m", "messages": messages });
    let chat = ada.asks(program.post("/v1/chat/completions", &body)).send().await?;
    is_problem(&json(chat, 413).await?, 413);
    Ok(())
}

#[tokio::test]
async fn wrong_chat_requests_never_reach_a_provider() -> anyhow::Result<()> {
    let scene = Scene::set().await?;

    let unknown = json(scene.chat(&json!({ "provider": "xyz" })).await?, 400).await?;
    assert_eq!(unknown["detail"], "Unsupported provider: xyz");
    for change in [
        json!({ "messages": [] }),
        json!({ "max_iterations": 11 }),
        json!({ "messages": [{ "role": "emperor", "content": "hello" }] }),
        json!({ "temperature": 9 }),
    ] {
        is_problem(&json(scene.chat(&change).await?, 422).await?, 422);
    }
    assert_eq!(scene.provider.journal().len(), 0);
    Ok(())
}

#[tokio::test]
async fn an_overloaded_provider_is_asked_again_and_then_given_up() -> anyhow::Result<()> {
    let scene = Scene::set().await?;
    let busy = |code| Reply::Status { code, retry_after: Some("1".into()), body: Value::Null };

    scene.provider.script(vec![busy(429), Reply::Text("hello".into())]);
    json(scene.chat(&json!({})).await?, 200).await?;
    assert_eq!(scene.provider.journal().len(), 2);

    scene.provider.script(vec![busy(529), busy(529), busy(529), busy(529), busy(529)]);
    let given_up = scene.chat(&json!({})).await?;
    assert!(given_up.headers().contains_key("retry-after"));
    is_problem(&json(given_up, 503).await?, 503);
    Ok(())
}

#[tokio::test]
async fn a_provider_that_answers_rubbish_is_a_clear_problem() -> anyhow::Result<()> {
    let scene = Scene::set().await?;
    for stream in [false, true] {
        scene.provider.script(vec![Reply::Garbage("<html>oops</html>".into()); 5]);
        let answer = scene.chat(&json!({ "stream": stream })).await?;
        is_problem(&json(answer, 503).await?, 503);
        scene.provider.script(vec![]);
    }
    Ok(())
}

#[tokio::test]
async fn what_is_not_built_says_so() -> anyhow::Result<()> {
    let Scene { program, ada, .. } = Scene::set().await?;

    json(ada.asks(program.get("/v1/webhooks")).send().await?, 501).await?;
    json(ada.asks(program.get("/v1/no-such-thing")).send().await?, 404).await?;
    json(ada.asks(program.delete("/v1/auth/me")).send().await?, 405).await?;
    Ok(())
}

#[tokio::test]
async fn strangers_see_nothing_of_a_conversation() -> anyhow::Result<()> {
    let scene = Scene::set().await?;
    scene.provider.script(vec![Reply::Text("hello".into())]);
    let completion = json(scene.chat(&json!({})).await?, 200).await?;
    let session = completion["session_id"].as_str().unwrap_or_default();
    let eve = Person::register(&scene.program, "eve@example.org").await?;

    for path in ["", "/history", "/messages"] {
        let path = format!("/v1/chat/sessions/{session}{path}");
        json(eve.asks(scene.program.get(&path)).send().await?, 404).await?;
    }
    let body = json!({
        "provider": "openai", "model": "m", "session_id": session,
        "messages": [{ "role": "user", "content": "and?" }],
    });
    let joins = eve.asks(scene.program.post("/v1/chat/completions", &body)).send().await?;
    json(joins, 404).await?;
    Ok(())
}

#[tokio::test]
async fn nobody_can_begin_a_stream_under_an_id_of_their_choice() -> anyhow::Result<()> {
    let scene = Scene::set().await?;
    let victim = scene.ada.id.parse()?;
    let settings = uuid::Uuid::new_v5(&victim, b"settings");

    for id in [settings, uuid::Uuid::nil(), victim] {
        json(scene.chat(&json!({ "session_id": id })).await?, 404).await?;
    }

    let change = json!({ "preferred_language": "fr" });
    let request = scene.ada.asks(scene.program.put("/v1/settings/communication", &change));
    json(request.send().await?, 200).await?;
    Ok(())
}
