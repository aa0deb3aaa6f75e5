//! The dialect of `OpenAI`.

use domain::chat::{FinishReason, Usage};
use serde_json::{Value, json};

use super::{
    super::{ModelErrorKind, ModelRequest, dialect::Dialect},
    call, conversation, heard, options, written,
};

const DIALECT: Dialect = Dialect::OpenAi;

#[test]
fn everything_that_was_asked_for_is_written() {
    let body = written(DIALECT, &conversation(), &options());

    assert_eq!(
        body,
        json!({
            "model": "m",
            "messages": [
                {"role": "system", "content": "be kind"},
                {"role": "user", "content": [
                    {"type": "text", "text": "what is this?"},
                    {"type": "image_url", "image_url": {"url": "data:image/png;base64,aGk="}},
                ]},
                {"role": "assistant", "tool_calls": [
                    {"id": "c1", "type": "function", "function": {"name": "look", "arguments": "{\"at\": 1.50}"}},
                    {"id": "c2", "type": "function", "function": {"name": "look", "arguments": "{}"}},
                ]},
                {"role": "tool", "tool_call_id": "c1", "content": "a cat"},
                {"role": "tool", "tool_call_id": "c2", "content": "a dog"},
                {"role": "user", "content": "and now?"},
                {"role": "assistant", "content": "let me see", "tool_calls": [
                    {"id": "c3", "type": "function", "function": {"name": "look", "arguments": "not JSON"}},
                ]},
                {"role": "tool", "tool_call_id": "c3",
                 "content": "{\"error\":\"The tool was not run\",\"status\":\"cancelled\"}"},
                {"role": "user", "content": "never mind"},
            ],
            "tools": [{"type": "function", "function": {
                "name": "look", "description": "looks", "parameters": {"type": "object"},
            }}],
            "tool_choice": "required",
            "temperature": 1.5,
            "top_p": 0.5,
            "max_completion_tokens": 100,
            "stop": ["END"],
            "response_format": {
                "type": "json_schema",
                "json_schema": {"name": "animal", "schema": {"type": "object"}},
            },
        })
    );
}

#[test]
fn a_streamed_answer_is_asked_to_count_its_tokens() {
    let options = domain::chat::ModelOptions::default();
    let request = ModelRequest { model: "m", messages: &[], options: &options };

    let body: Value = serde_json::from_str(&DIALECT.write(&request, true).unwrap()).unwrap();

    assert_eq!(
        body,
        json!({"model": "m", "messages": [], "stream": true, "stream_options": {"include_usage": true}})
    );
}

fn delta(delta: &Value) -> Value {
    json!({"choices": [{"index": 0, "delta": delta, "finish_reason": null}], "usage": null})
}

fn finished(reason: &str) -> Value {
    json!({"choices": [{"index": 0, "delta": {}, "finish_reason": reason}]})
}

fn piece(index: u64, id: Option<&str>, name: Option<&str>, arguments: &str) -> Value {
    let function = json!({"name": name, "arguments": arguments});
    delta(&json!({"tool_calls": [{"index": index, "id": id, "function": function}]}))
}

#[test]
fn calls_that_come_in_pieces_and_by_turns_are_put_together() {
    let (answer, words) = heard(
        DIALECT,
        &[
            delta(&json!({"role": "assistant", "content": "so "})),
            delta(&json!({"content": "be it"})),
            piece(0, Some("a"), Some("look"), ""),
            piece(1, Some("b"), Some("go"), "{\"x\""),
            piece(0, None, None, "{}"),
            piece(1, None, None, ":1}"),
            finished("tool_calls"),
            json!({"choices": [], "usage": {
                "prompt_tokens": 7, "completion_tokens": 2,
                "prompt_tokens_details": {"cached_tokens": 4},
            }}),
            json!("[DONE]"),
        ],
    );

    let answer = answer.unwrap();
    assert_eq!(words, "so be it");
    assert_eq!(answer.message.plain_text(), "so be it");
    assert_eq!(answer.message.tool_calls, [call("a", "look", "{}"), call("b", "go", "{\"x\":1}")]);
    assert_eq!(answer.reason, FinishReason::ToolCalls);
    assert_eq!(answer.usage, Usage { input: 7, output: 2, cache_read: 4, cache_write: 0 });
}

#[test]
fn calls_that_a_server_numbers_alike_are_told_apart_by_their_ids() {
    let (answer, _) = heard(
        DIALECT,
        &[
            piece(0, Some("a"), Some("look"), "{"),
            piece(0, None, None, "}"),
            piece(0, Some("b"), Some("go"), "{}"),
            finished("stop"),
        ],
    );

    let answer = answer.unwrap();
    assert_eq!(answer.message.tool_calls, [call("a", "look", "{}"), call("b", "go", "{}")]);
    assert_eq!(answer.reason, FinishReason::ToolCalls, "whatever the server says");
}

#[test]
fn calls_without_ids_get_different_ones() {
    let function = json!({"name": "look", "arguments": {"x": 1}});
    let message = json!({"tool_calls": [{"function": function}, {"function": function}]});
    let body = json!({"choices": [{"message": message, "finish_reason": "tool_calls"}]});

    let answer = DIALECT.read(body.to_string().as_bytes()).unwrap();

    let calls = answer.message.tool_calls;
    assert_eq!(calls.len(), 2);
    assert_ne!(calls[0].id, calls[1].id);
    assert_eq!(calls[0].arguments, "{\"x\":1}");
}

#[test]
fn nothing_is_run_of_an_answer_that_was_cut_short() {
    let (answer, _) =
        heard(DIALECT, &[piece(0, Some("a"), Some("look"), "{\"x"), finished("length")]);

    let answer = answer.unwrap();
    assert_eq!(answer.message.tool_calls, []);
    assert_eq!(answer.reason, FinishReason::Length);
}

#[test]
fn a_stream_that_ends_in_the_middle_is_garbled() {
    let (answer, words) = heard(DIALECT, &[delta(&json!({"content": "so "}))]);

    assert_eq!(answer.unwrap_err().kind, ModelErrorKind::Garbled);
    assert_eq!(words, "so ");
}

#[test]
fn an_error_in_the_stream_is_told_by_its_code() {
    let codes = [
        (json!({"message": "m", "code": 429}), ModelErrorKind::RateLimited),
        (json!({"message": "m", "code": "rate_limit_exceeded"}), ModelErrorKind::RateLimited),
        (json!({"message": "m", "type": "invalid_request_error"}), ModelErrorKind::Refused),
        (json!({"message": "m", "type": "server_error"}), ModelErrorKind::Unavailable),
        (json!("just words"), ModelErrorKind::Unavailable),
    ];

    for (error, kind) in codes {
        let (answer, _) = heard(DIALECT, &[json!({"error": error})]);
        assert_eq!(answer.unwrap_err().kind, kind, "{error}");
    }
}
