//! A model that speaks while its listener is erased.

use std::time::Duration;

use serde_json::json;
use tests::{
    json,
    provider::{Reply, ScriptedProvider},
};
use tokio::time::timeout;

use super::{ADMIN, setup};
use crate::person::{PASSWORD, Person};

#[tokio::test]
async fn a_running_chat_stops_and_its_stream_closes() -> anyhow::Result<()> {
    let provider = ScriptedProvider::start().await;
    let program = setup(&provider).start().await?;
    let admin = Person::sign_in(&program, ADMIN, PASSWORD).await?;
    let ada = Person::register(&program, "ada@example.org").await?;
    let late = Box::new(Reply::Text("much later".into()));
    let list = vec![("a".to_owned(), "zerodb_list_tables".to_owned(), "{}".to_owned())];
    provider.script([Reply::ToolCalls(list), Reply::After { milliseconds: 60_000, reply: late }]);
    let body = json!({
        "provider": "openai", "model": "m", "stream": true,
        "messages": [{ "role": "user", "content": "hello" }],
        "tool_subset": ["zerodb_list_tables"],
    });
    let stream = ada.asks(program.post("/v1/chat/completions", &body)).send().await?;
    assert_eq!(stream.status(), 200);
    let waiting = tokio::spawn(stream.text());
    while provider.journal().len() < 2 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }

    let path = format!("/v1/admin/users/{}", ada.id);
    let erased = json(admin.asks(program.delete(&path)).send().await?, 200).await?;

    let text = timeout(Duration::from_secs(5), waiting).await???;
    assert!(text.trim_end().ends_with("data: [DONE]") && !text.contains("much later"), "{text}");
    let ended = &erased["certificate"]["erasure"]["ended"];
    assert_eq!(ended["chat.run_cancelled"].as_array().map(Vec::len), Some(1), "{ended}");
    assert!(!program.log().contains("a run stands still"), "letting go is no fault");
    assert_eq!(provider.journal().len(), 2, "the model is not asked again");
    Ok(())
}
