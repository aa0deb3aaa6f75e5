//! Which bodies make a completion, and what is said of the others.

use std::time::Duration;

use domain::chat::{Part, Role};
use serde_json::json;

use super::*;

fn policy(providers: &[Provider]) -> Policy {
    Policy {
        public_url: "http://localhost".into(),
        password_minimum: 8,
        breach_url: None,
        hides_addresses: false,
        rates: commands::Rates::default(),
        providers: providers.to_vec(),
        sessions: commands::SessionLimits::default(),
        idempotency_lifetime: Duration::from_hours(24),
    }
}

fn read(body: &Value) -> Result<Completion, Problem> {
    let body: CompletionBody = crate::body::parse(body.to_string().as_bytes())?;
    body.read(&policy(&Provider::ALL))
}

/// A good body with some fields changed.
fn with(changes: &Value) -> Value {
    let mut body = json!({ "model": "gpt-5", "messages": [{ "role": "user", "content": "Hi" }] });
    for (name, value) in changes.as_object().into_iter().flatten() {
        body[name] = value.clone();
    }
    body
}

fn pointers(changes: &Value) -> Vec<String> {
    let problem = read(&with(changes)).unwrap_err();
    assert_eq!(problem.status, StatusCode::UNPROCESSABLE_ENTITY, "{changes}");
    problem.errors.into_iter().map(|error| error.pointer).collect()
}

#[test]
fn little_is_enough() {
    let run = read(&with(&json!({ "unknown": { "field": 1 } }))).unwrap().run;

    assert_eq!(run.messages, [domain::chat::Message::text(Role::User, "Hi")]);
    assert_eq!((run.max_iterations, run.is_streamed), (5, false));
    assert!(run.options.tools.is_empty());
}

#[test]
fn every_form_of_a_turn_is_read() {
    let messages = json!([
        { "role": "developer", "content": "Be brief." },
        { "role": "user", "content": [
            { "type": "text", "text": "What is this?" },
            { "type": "image_url", "image_url": { "url": "data:image/png;base64,AA==", "detail": "low" } },
        ] },
        { "role": "assistant", "content": null, "tool_calls": [
            { "id": "c1", "type": "function", "function": { "name": "f", "arguments": "{\"a\":1}" } },
            { "id": "c2", "function": { "name": "g", "arguments": { "b": 2 } } },
        ] },
        { "role": "tool", "tool_call_id": "c1", "content": "one" },
    ]);

    let turns = read(&with(&json!({ "messages": messages }))).unwrap().run.messages;

    assert_eq!(turns[0].role, Role::System);
    assert_eq!(turns[1].content[1], Part::Image { url: "data:image/png;base64,AA==".into() });
    assert!(turns[2].content.is_empty());
    assert_eq!(turns[2].tool_calls[1].arguments, "{\"b\":2}");
    assert_eq!(turns[3].tool_call_id.as_deref(), Some("c1"));
}

#[test]
fn both_forms_of_a_tool_are_read_and_ours_are_ours() {
    let schema = json!({ "type": "object", "properties": { "city": { "type": "string" } } });
    let tools = json!([
        { "type": "function", "function": { "name": "weather", "parameters": schema } },
        { "name": "time", "description": "The time", "input_schema": schema },
        { "name": "zerodb_list_tables", "input_schema": { "type": "object", "evil": true } },
    ]);
    let choice = json!({ "type": "tool", "name": "time" });
    let body = json!({
        "tools": tools, "tool_choice": choice, "tool_subset": ["zerodb_query_table"],
    });

    let options = read(&with(&body)).unwrap().run.options;

    let found: Vec<_> =
        options.tools.iter().map(|tool| (tool.name.as_str(), tool.is_built_in)).collect();
    assert_eq!(
        found,
        [
            ("weather", false),
            ("time", false),
            ("zerodb_list_tables", true),
            ("zerodb_query_table", true),
        ]
    );
    assert_eq!(options.tools[1].parameters, schema);
    assert_eq!(options.tools[2].parameters.get("evil"), None);
    let expected = json!({ "type": "function", "function": { "name": "time" } });
    assert_eq!(options.tool_choice, Some(expected));
}

#[test]
fn every_wrong_turn_is_told_with_its_place() {
    for (changes, place) in [
        (json!({ "messages": [] }), "/messages"),
        (json!({ "messages": "Hi" }), "/messages"),
        (json!({ "messages": [{ "content": "Hi" }] }), "/messages/0/role"),
        (json!({ "messages": [{ "role": "bot", "content": "Hi" }] }), "/messages/0/role"),
        (json!({ "messages": [{ "role": "user" }] }), "/messages/0/content"),
        (json!({ "messages": [{ "role": "user", "content": 7 }] }), "/messages/0/content"),
        (json!({ "messages": [{ "role": "tool", "content": "x" }] }), "/messages/0/tool_call_id"),
        (
            json!({ "messages": [{ "role": "user", "content": [{ "type": "text" }] }] }),
            "/messages/0/content/0/text",
        ),
        (
            json!({ "messages": [{ "role": "user", "content": [{ "type": "text", "text": 1 }] }] }),
            "/messages/0/content/0/text",
        ),
        (
            json!({ "messages": [{ "role": "user", "content": [{ "type": "input_audio" }] }] }),
            "/messages/0/content/0/type",
        ),
        (
            json!({ "messages": [{ "role": "user", "content": [
                { "type": "image_url", "image_url": { "url": "file:///etc/passwd" } },
            ] }] }),
            "/messages/0/content/0/image_url/url",
        ),
    ] {
        assert_eq!(pointers(&changes), [place], "{changes}");
    }
}

#[test]
fn every_wrong_option_is_told_with_its_place() {
    for (changes, place) in [
        (json!({ "model": null }), "/model"),
        (json!({ "temperature": 2.1 }), "/temperature"),
        (json!({ "temperature": "hot" }), "/temperature"),
        (json!({ "top_p": -0.1 }), "/top_p"),
        (json!({ "max_tokens": 0 }), "/max_tokens"),
        (json!({ "max_completion_tokens": -1 }), "/max_completion_tokens"),
        (json!({ "max_iterations": 0 }), "/max_iterations"),
        (json!({ "max_iterations": 11 }), "/max_iterations"),
        (json!({ "max_iterations": 1.5 }), "/max_iterations"),
        (json!({ "n": 2 }), "/n"),
        (json!({ "stop": ["a", "b", "c", "d", "e"] }), "/stop"),
        (json!({ "stop": 7 }), "/stop"),
        (json!({ "stream": "yes" }), "/stream"),
        (json!({ "session_id": "mine" }), "/session_id"),
        (json!({ "response_format": { "type": "xml" } }), "/response_format/type"),
        (
            json!({ "response_format": { "type": "json_schema" } }),
            "/response_format/json_schema/schema",
        ),
        (json!({ "tool_subset": ["rm_rf"] }), "/tool_subset/0"),
        (json!({ "tool_choice": "maybe" }), "/tool_choice"),
        (
            json!({ "tool_choice": { "type": "function", "function": { "name": "x" } } }),
            "/tool_choice",
        ),
        (json!({ "tools": [{ "name": "a b" }] }), "/tools/0"),
        (json!({ "tools": [{ "name": "f" }, { "name": "f" }] }), "/tools/1"),
    ] {
        assert_eq!(pointers(&changes), [place], "{changes}");
    }
}

#[test]
fn all_mistakes_are_told_at_once() {
    assert_eq!(pointers(&json!({ "temperature": 9, "top_p": 9 })), ["/temperature", "/top_p"]);
}

#[test]
fn a_tool_that_makes_no_sense_is_answered_in_known_words() {
    let problem =
        read(&with(&json!({ "tools": [{ "name": "f", "input_schema": [] }] }))).unwrap_err();

    assert_eq!(problem.detail, "Validation error - Invalid tool parameters");
}

#[test]
fn an_unknown_provider_is_answered_in_known_words() {
    let problem = read(&with(&json!({ "provider": "xyz" }))).unwrap_err();

    assert_eq!(problem.status, StatusCode::BAD_REQUEST);
    assert_eq!(problem.detail, "Unsupported provider: xyz");
}

#[test]
fn the_provider_follows_from_the_model() {
    for (model, configured, expected) in [
        ("claude-opus-4", &Provider::ALL[..], Provider::Anthropic),
        ("meta-llama/Llama-3.3-70B-Instruct", &Provider::ALL[..], Provider::MetaLlama),
        ("gpt-5", &Provider::ALL[..], Provider::OpenAi),
        ("claude-opus-4", &[Provider::OpenAi][..], Provider::OpenAi),
        ("claude-opus-4", &[Provider::MetaLlama][..], Provider::Anthropic),
    ] {
        assert_eq!(inferred(model, configured), expected, "{model}");
    }
}

#[test]
fn other_names_of_providers_are_known() {
    for name in ["meta", "llama", "meta_llama", "META_LLAMA"] {
        assert_eq!(provider(name).ok(), Some(Provider::MetaLlama), "{name}");
    }
}
