//! Chats under a key: answered again, joined while they run, asked anew when the provider failed.

use std::time::Duration;

use reqwest::RequestBuilder;
use serde_json::{Value, json};
use tests::{
    Program, Setup,
    provider::{Reply, ScriptedProvider},
};

use super::scene::{insist, send};
use crate::person::Person;

pub struct Scene {
    pub program: Program,
    pub provider: ScriptedProvider,
    pub ada: Person,
}

impl Scene {
    pub async fn set() -> anyhow::Result<Self> {
        let provider = ScriptedProvider::start().await;
        let setup = Setup::default()
            // Tokens are good wherever the service is known by the same address.
            .with("ANNALS_PUBLIC_URL", "http://annals.example")
            .with("OPENAI_BASE_URL", provider.openai_url())
            .with("OPENAI_API_KEY", "sk-test");
        let program = setup.start().await?;
        let ada = Person::register(&program, "ada@example.org").await?;
        Ok(Self { program, provider, ada })
    }

    pub fn chat(&self, body: &Value) -> RequestBuilder {
        self.ada.asks(self.program.post("/v1/chat/completions", body))
    }
}

pub fn ask(is_streamed: bool) -> Value {
    json!({
        "provider": "openai", "model": "m", "stream": is_streamed,
        "messages": [{ "role": "user", "content": "hello" }],
    })
}

#[tokio::test]
async fn a_chat_is_answered_again_without_asking_the_model() -> anyhow::Result<()> {
    let scene = Scene::set().await?;
    scene.provider.script([Reply::Text("Guten Tag.".into()), Reply::Text("Bonjour.".into())]);

    for (key, is_streamed) in [("plain", false), ("stream", true)] {
        let first = send(scene.chat(&ask(is_streamed)), key).await?;
        let second = insist(&scene.chat(&ask(is_streamed)), key).await?;

        assert_eq!(first.status, 200, "{first:?}");
        assert_eq!(second, first.again());
    }
    assert_eq!(scene.provider.journal().len(), 2);
    Ok(())
}

#[tokio::test]
async fn who_asks_for_a_running_stream_again_joins_it() -> anyhow::Result<()> {
    let scene = Scene::set().await?;
    let text = "one two three four five six seven eight".to_owned();
    scene.provider.script([Reply::Paced { milliseconds: 250, text }]);
    let first = scene.chat(&ask(true));
    let mut heard = first.header("Idempotency-Key", "s").send().await?;
    let beginning = heard.chunk().await?.unwrap_or_default();

    let joined = send(scene.chat(&ask(true)), "s").await?;

    let mut whole = beginning.to_vec();
    while let Some(piece) = heard.chunk().await? {
        whole.extend_from_slice(&piece);
    }
    assert!(joined.is_replayed && joined.kind.starts_with("text/event-stream"), "{joined:?}");
    assert_eq!(joined.body, String::from_utf8_lossy(&whole));
    assert!(joined.body.contains("eight") && joined.body.trim_end().ends_with("data: [DONE]"));
    assert_eq!(scene.provider.journal().len(), 1);
    Ok(())
}

#[tokio::test]
async fn a_client_that_goes_away_finds_its_answer_when_it_comes_back() -> anyhow::Result<()> {
    let scene = Scene::set().await?;
    let slow = Reply::After { milliseconds: 1500, reply: Box::new(Reply::Text("Here.".into())) };
    scene.provider.script([slow]);
    let request = scene.chat(&ask(false)).timeout(Duration::from_millis(500));
    assert!(send(request, "gone").await.is_err(), "the client does not wait");

    let answer = insist(&scene.chat(&ask(false)), "gone").await?;

    assert_eq!(answer.json()["choices"][0]["message"]["content"], "Here.");
    assert!(answer.is_replayed);
    assert_eq!(scene.provider.journal().len(), 1);
    Ok(())
}

#[tokio::test]
async fn a_chat_that_the_provider_failed_is_asked_anew_under_its_key() -> anyhow::Result<()> {
    let scene = Scene::set().await?;
    let down = Reply::Status { code: 503, retry_after: None, body: Value::Null };
    scene.provider.otherwise(down);
    let failed = send(scene.chat(&ask(false)), "f").await?;
    assert_eq!(failed.status, 503, "{failed:?}");
    scene.provider.otherwise(Reply::Text("Back again.".into()));

    let answer = send(scene.chat(&ask(false)), "f").await?;

    assert_eq!(answer.json()["choices"][0]["message"]["content"], "Back again.", "{answer:?}");
    Ok(())
}
