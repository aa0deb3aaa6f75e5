//! Asking a model over HTTP: every dialect, and everything that goes wrong on the way.

use std::{collections::HashMap, time::Instant};

use domain::chat::{FinishReason, Message, ModelOptions, Provider, Role, Usage};
use serde_json::{Value, json};
use tests::provider::{Reply, ScriptedProvider};
use workers::agent::provider::{
    Delta, ModelAnswer, ModelError, ModelErrorKind, ModelRequest, ProviderConfig, Providers,
};

/// Who asks, how, and what was given out before the answer was there.
struct Asker {
    providers: Providers,
    is_streamed: bool,
    words: String,
}

impl Asker {
    fn of(scripted: &ScriptedProvider, is_streamed: bool) -> Self {
        let config = |base_url| ProviderConfig {
            base_url,
            api_key: Some("the-key".to_owned()),
            anthropic_version: None,
        };
        let configs = HashMap::from([
            (Provider::Anthropic, config(scripted.anthropic_url())),
            (Provider::MetaLlama, config(scripted.llama_url())),
            (Provider::OpenAi, config(scripted.openai_url())),
        ]);
        let providers = Providers::new(configs).expect("a configuration that can be read");
        Self { providers, is_streamed, words: String::new() }
    }

    async fn ask(&mut self, provider: Provider) -> Result<ModelAnswer, ModelError> {
        self.words.clear();
        let messages = [Message::text(Role::User, "hello")];
        let options = ModelOptions::default();
        let request = ModelRequest { model: "m", messages: &messages, options: &options };
        let words = &mut self.words;
        let mut on_delta = |Delta::Text(text): Delta<'_>| words.push_str(text);
        self.providers.ask(provider, &request, self.is_streamed, &mut on_delta).await
    }
}

fn call(id: &str, name: &str, arguments: &str) -> (String, String, String) {
    (id.to_owned(), name.to_owned(), arguments.to_owned())
}

fn status(code: u16, retry_after: Option<&str>) -> Reply {
    Reply::Status { code, retry_after: retry_after.map(str::to_owned), body: Value::Null }
}

#[tokio::test]
async fn every_dialect_gives_the_same_answer_plain_and_streamed() {
    let scripted = ScriptedProvider::start().await;
    let calls = vec![call("c1", "look", r#"{"at":"Köln"}"#), call("c2", "go", "{}")];

    for provider in Provider::ALL {
        for is_streamed in [false, true] {
            scripted.script([Reply::Both("Guten Tag, Köln.".into(), calls.clone())]);
            let mut asker = Asker::of(&scripted, is_streamed);

            let answer = asker.ask(provider).await.unwrap();

            assert_eq!(answer.message.plain_text(), "Guten Tag, Köln.");
            assert_eq!(asker.words, if is_streamed { "Guten Tag, Köln." } else { "" });
            let wanted = answer.message.tool_calls.into_iter();
            let wanted: Vec<_> = wanted.map(|one| (one.id, one.name, one.arguments)).collect();
            assert_eq!(wanted, calls, "{provider:?} {is_streamed}");
            assert_eq!(answer.reason, FinishReason::ToolCalls);
            let cached = u64::from(provider != Provider::MetaLlama);
            let usage = Usage { input: 10, output: 5, cache_read: 3 * cached, cache_write: cached };
            assert_eq!(answer.usage, usage);
        }
    }
}

#[tokio::test]
async fn every_dialect_is_spoken_to_with_its_own_key_and_path() {
    let scripted = ScriptedProvider::start().await;
    scripted.otherwise(Reply::Echo);
    let mut asker = Asker::of(&scripted, false);

    for provider in Provider::ALL {
        asker.ask(provider).await.unwrap();
    }

    let journal = scripted.journal();
    let paths: Vec<&str> = journal.iter().map(|request| request.path.as_str()).collect();
    assert_eq!(paths, ["/v1/messages", "/llama/v1/chat/completions", "/v1/chat/completions"]);
    assert_eq!(journal[0].header("x-api-key"), Some("the-key"));
    assert_eq!(journal[0].header("anthropic-version"), Some("2026-10-21"));
    assert_eq!(journal[0].header("authorization"), None);
    assert_eq!(journal[1].header("authorization"), Some("Bearer the-key"));
    assert_eq!(journal[2].header("authorization"), Some("Bearer the-key"));
    assert_eq!(
        journal[2].body,
        json!({"model": "m", "messages": [{"role": "user", "content": "hello"}]})
    );
}

#[tokio::test]
async fn thoughts_are_kept_as_they_came() {
    let scripted = ScriptedProvider::start().await;

    for is_streamed in [false, true] {
        scripted.script([Reply::Thought {
            thinking: "hm".into(),
            signature: "c2ln".into(),
            calls: vec![call("c1", "look", "{}")],
        }]);
        let answer = Asker::of(&scripted, is_streamed).ask(Provider::Anthropic).await.unwrap();

        let raw: Value = serde_json::from_str(&answer.message.raw.unwrap()).unwrap();
        assert_eq!(raw[0], json!({"type": "thinking", "thinking": "hm", "signature": "c2ln"}));
        assert_eq!(raw[1]["type"], "tool_use");
    }
}

#[tokio::test]
async fn a_provider_that_is_busy_for_a_moment_is_asked_again_when_it_says_so() {
    let scripted = ScriptedProvider::start().await;
    scripted.script([status(429, Some("1")), status(529, Some("0")), Reply::Text("here".into())]);
    let began = Instant::now();

    let answer = Asker::of(&scripted, true).ask(Provider::Anthropic).await.unwrap();

    assert_eq!(answer.message.plain_text(), "here");
    assert_eq!(scripted.journal().len(), 3);
    assert!(began.elapsed().as_millis() >= 1000);
}

#[tokio::test]
async fn a_provider_that_hangs_up_is_asked_again() {
    let scripted = ScriptedProvider::start().await;

    for is_streamed in [false, true] {
        scripted.script([Reply::HangUp, Reply::Text("here".into())]);
        let answer = Asker::of(&scripted, is_streamed).ask(Provider::MetaLlama).await.unwrap();
        assert_eq!(answer.message.plain_text(), "here");
    }
}

#[tokio::test]
async fn after_three_attempts_it_is_enough() {
    let scripted = ScriptedProvider::start().await;
    scripted.otherwise(status(529, None));

    let error = Asker::of(&scripted, false).ask(Provider::Anthropic).await.unwrap_err();

    assert_eq!(error.kind, ModelErrorKind::Overloaded);
    assert_eq!(error.detail, "anthropic is overloaded: scripted failure");
    assert_eq!(scripted.journal().len(), 3);
}

#[tokio::test]
async fn a_provider_that_wants_a_long_pause_is_not_asked_again() {
    let scripted = ScriptedProvider::start().await;
    scripted.otherwise(status(429, Some("3600")));

    let error = Asker::of(&scripted, false).ask(Provider::OpenAi).await.unwrap_err();

    assert_eq!(error.kind, ModelErrorKind::RateLimited);
    assert_eq!(error.retry_after.map(|pause| pause.as_secs()), Some(3600));
    assert_eq!(scripted.journal().len(), 1);
}

#[tokio::test]
async fn what_is_refused_is_not_asked_again() {
    let scripted = ScriptedProvider::start().await;
    scripted.otherwise(status(400, None));

    for provider in Provider::ALL {
        let error = Asker::of(&scripted, true).ask(provider).await.unwrap_err();
        assert_eq!(error.kind, ModelErrorKind::Refused);
        assert!(error.detail.ends_with("refused the request: scripted failure"), "{error}");
    }

    assert_eq!(scripted.journal().len(), 3);
}

#[tokio::test]
async fn rubbish_is_garbled_and_not_asked_for_again() {
    let scripted = ScriptedProvider::start().await;

    for provider in Provider::ALL {
        for is_streamed in [false, true] {
            for reply in [Reply::Garbage("<html>".into()), Reply::Truncated("a b c d e f".into())] {
                scripted.script([reply]);
                let error = Asker::of(&scripted, is_streamed).ask(provider).await.unwrap_err();
                assert_eq!(error.kind, ModelErrorKind::Garbled, "{provider:?} {is_streamed}");
            }
        }
    }
}

#[tokio::test]
async fn an_answer_without_end_is_garbled() {
    let scripted = ScriptedProvider::start().await;
    scripted.otherwise(Reply::Text("a".repeat(17 * 1024 * 1024)));

    for is_streamed in [false, true] {
        let error = Asker::of(&scripted, is_streamed).ask(Provider::OpenAi).await.unwrap_err();
        assert_eq!(error.detail, "openai gave an answer that makes no sense: it is too long");
    }
}

#[tokio::test]
async fn nothing_is_asked_again_once_words_were_given_out() {
    let scripted = ScriptedProvider::start().await;

    for provider in Provider::ALL {
        for reply in
            [Reply::BreaksOff("a b c d e f".into()), Reply::FailsMidway("a b c d e f".into())]
        {
            scripted.script([reply, Reply::Text("never said".into())]);
            let mut asker = Asker::of(&scripted, true);
            let before = scripted.journal().len();

            asker.ask(provider).await.unwrap_err();

            assert!(asker.words.starts_with("a "), "{provider:?} {}", asker.words);
            assert_eq!(scripted.journal().len() - before, 1);
            asker.ask(provider).await.unwrap();
        }
    }
}

#[tokio::test]
async fn an_answer_in_one_piece_whose_connection_breaks_is_asked_for_again() {
    let scripted = ScriptedProvider::start().await;
    scripted.script([Reply::BreaksOff("a b c".into()), Reply::Text("here".into())]);

    let answer = Asker::of(&scripted, false).ask(Provider::OpenAi).await.unwrap();

    assert_eq!(answer.message.plain_text(), "here");
}

#[tokio::test]
async fn a_provider_that_is_down_is_unavailable_and_its_address_is_kept_back() {
    let mut scripted = ScriptedProvider::start().await;
    let mut asker = Asker::of(&scripted, false);
    scripted.stop().await;

    let error = asker.ask(Provider::OpenAi).await.unwrap_err();

    assert_eq!(error.kind, ModelErrorKind::Unavailable);
    assert_eq!(error.detail, "openai is not available: it cannot be reached");
}
