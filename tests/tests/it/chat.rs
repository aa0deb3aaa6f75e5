//! Chats over every provider's dialect, streamed, with tools of both kinds, and after a kill.

use std::time::Duration;

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
            .with("ANTHROPIC_BASE_URL", provider.anthropic_url())
            .with("ANTHROPIC_API_KEY", "sk-test")
            .with("LLAMA_BASE_URL", provider.llama_url())
            .with("LLAMA_API_KEY", "sk-test")
            .start()
            .await?;
        let ada = Person::register(&program, "ada@example.org").await?;
        Ok(Self { program, provider, ada })
    }

    fn chat(&self, body: &Value) -> reqwest::RequestBuilder {
        self.ada.asks(self.program.post("/v1/chat/completions", body))
    }
}

fn ask(provider: &str) -> Value {
    json!({
        "provider": provider, "model": "m",
        "messages": [{ "role": "user", "content": "hello" }],
    })
}

/// The chunks of a stream, up to its end mark.
fn chunks(stream: &str) -> Vec<Value> {
    assert!(stream.trim_end().ends_with("data: [DONE]"), "{stream}");
    assert!(!stream.contains("event:"), "a named event breaks clients");
    let data = stream.lines().filter_map(|line| line.strip_prefix("data: "));
    data.filter(|data| *data != "[DONE]")
        .filter_map(|data| serde_json::from_str(data).ok())
        .collect()
}

fn said(chunks: &[Value]) -> String {
    let pieces = chunks.iter().filter_map(|chunk| chunk["choices"][0]["delta"]["content"].as_str());
    pieces.collect()
}

#[tokio::test]
async fn every_provider_answers_plainly_and_as_a_stream() -> anyhow::Result<()> {
    let scene = Scene::set().await?;
    for provider in ["openai", "anthropic", "meta_llama"] {
        scene.provider.script([Reply::Text("Guten Tag.".into()), Reply::Text("Guten Tag.".into())]);

        let plain = json(scene.chat(&ask(provider)).send().await?, 200).await?;
        assert_eq!(plain["choices"][0]["message"]["content"], "Guten Tag.", "{provider}");
        assert_eq!(plain["provider"], provider);
        assert_eq!(plain["usage"]["total_tokens"], plain["total_tokens_used"]);

        let mut body = ask(provider);
        body["stream"] = json!(true);
        body["stream_options"] = json!({ "include_usage": true });
        let stream = scene.chat(&body).send().await?.text().await?;
        let chunks = chunks(&stream);
        assert_eq!(said(&chunks), "Guten Tag.", "{provider}");
        assert!(chunks.iter().all(|chunk| chunk["id"].is_string()), "{stream}");
        assert!(chunks.iter().any(|chunk| chunk["usage"]["total_tokens"].as_i64() > Some(0)));
    }
    Ok(())
}

#[tokio::test]
async fn a_stream_tells_of_our_tools_and_hands_the_clients_own_back() -> anyhow::Result<()> {
    let scene = Scene::set().await?;
    let call = |id: &str, name: &str, arguments: &str| {
        Reply::ToolCalls(vec![(id.into(), name.into(), arguments.into())])
    };
    scene.provider.script([call("a", "zerodb_list_tables", "{}"), call("b", "ring", r#"{"n":3}"#)]);
    let mut body = ask("anthropic");
    body["stream"] = json!(true);
    body["tool_subset"] = json!(["zerodb_list_tables"]);
    body["tools"] =
        json!([{ "type": "function", "function": { "name": "ring", "parameters": {} } }]);

    let stream = scene.chat(&body).send().await?.text().await?;

    let chunks = chunks(&stream);
    let events: Vec<_> = chunks.iter().filter(|chunk| chunk["tool_event"].is_object()).collect();
    assert_eq!(events.len(), 2, "{stream}");
    assert!(events.iter().all(|event| event["choices"] == json!([])));
    let calls =
        chunks.iter().filter_map(|chunk| chunk["choices"][0]["delta"]["tool_calls"].as_array());
    let names: Vec<_> =
        calls.flatten().filter_map(|call| call["function"]["name"].as_str()).collect();
    assert_eq!(names, ["ring"]);
    let reasons = chunks.iter().filter_map(|chunk| chunk["choices"][0]["finish_reason"].as_str());
    assert_eq!(reasons.collect::<Vec<_>>(), ["tool_calls"]);
    Ok(())
}

#[tokio::test]
async fn a_model_that_never_stops_asking_for_tools_is_stopped() -> anyhow::Result<()> {
    let scene = Scene::set().await?;
    let call = vec![("a".to_owned(), "zerodb_list_tables".to_owned(), "{}".to_owned())];
    scene.provider.otherwise(Reply::ToolCalls(call));
    let mut body = ask("meta_llama");
    body["tool_subset"] = json!(["zerodb_list_tables"]);
    body["max_iterations"] = json!(2);

    let answer = scene.chat(&body).send().await?;

    let problem: Value = answer.json().await?;
    let text = "Maximum tool calling iterations (2) exceeded without completion";
    assert_eq!(problem["detail"], text, "{problem}");
    assert_eq!(scene.provider.journal().len(), 2);
    Ok(())
}

#[tokio::test]
async fn a_run_goes_on_after_a_kill() -> anyhow::Result<()> {
    let mut scene = Scene::set().await?;
    let call = vec![("a".to_owned(), "zerodb_list_tables".to_owned(), "{}".to_owned())];
    let slow = Reply::After { milliseconds: 60_000, reply: Box::new(Reply::Text("late".into())) };
    scene.provider.script([Reply::ToolCalls(call), slow]);
    scene.provider.otherwise(Reply::Text("There are no tables.".into()));
    let mut body = ask("openai");
    body["tool_subset"] = json!(["zerodb_list_tables"]);
    let request = scene.chat(&body);
    let waiting = tokio::spawn(async move { request.send().await });
    while scene.provider.journal().len() < 2 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }

    scene.program.kill();
    assert!(waiting.await?.is_err(), "the kill cuts the request off");
    scene.program.restart().await?;

    let last = last_turn(&scene, "assistant").await?;
    assert_eq!(last["content"], "There are no tables.");
    let answered = scene.provider.journal().len();
    assert_eq!(answered, 3, "what was answered before the kill is not asked again");
    Ok(())
}

/// Waits until the only session ends in a turn of this role that asks for nothing.
async fn last_turn(scene: &Scene, role: &str) -> anyhow::Result<Value> {
    let ask = |path: String| scene.ada.asks(scene.program.get(&path));
    let sessions = json(ask("/v1/chat/sessions".into()).send().await?, 200).await?;
    let list = sessions["sessions"].as_array().or(sessions["data"].as_array());
    let id = list.and_then(|list| list[0]["id"].as_str()).unwrap_or_default().to_owned();
    for _ in 0..900 {
        let history =
            json(ask(format!("/v1/chat/sessions/{id}/history")).send().await?, 200).await?;
        let newest = history["messages"].as_array().and_then(|messages| messages.last()).cloned();
        if let Some(turn) = newest
            && turn["role"] == role
            && turn["tool_calls"].is_null()
        {
            return Ok(turn);
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    anyhow::bail!("the run does not go on:\n{}", scene.program.log())
}
