//! The native dialect of Meta's Llama API.

use domain::chat::{FinishReason, Usage};
use serde_json::{Value, json};

use super::{
    super::{ModelErrorKind, dialect::Dialect},
    call, conversation, heard, options, written,
};

const DIALECT: Dialect = Dialect::Llama;

#[test]
fn what_the_native_form_does_not_know_is_left_out() {
    let body = written(DIALECT, &conversation()[1..4], &options());

    assert_eq!(
        body,
        json!({
            "model": "m",
            "messages": [
                {"role": "user", "content": [
                    {"type": "text", "text": "what is this?"},
                    {"type": "image_url", "image_url": {"url": "data:image/png;base64,aGk="}},
                ]},
                {"role": "assistant", "tool_calls": [
                    {"id": "c1", "function": {"name": "look", "arguments": "{\"at\": 1.50}"}},
                    {"id": "c2", "function": {"name": "look", "arguments": "{}"}},
                ]},
                {"role": "tool", "tool_call_id": "c1", "content": "a cat"},
                {"role": "tool", "tool_call_id": "c2",
                 "content": "{\"error\":\"The tool was not run\",\"status\":\"cancelled\"}"},
            ],
            "tools": [{"type": "function", "function": {
                "name": "look", "description": "looks", "parameters": {"type": "object"},
            }}],
            "tool_choice": "required",
            "temperature": 1.0,
            "top_p": 0.5,
            "max_completion_tokens": 100,
            "response_format": {
                "type": "json_schema",
                "json_schema": {"name": "animal", "schema": {"type": "object"}},
            },
        })
    );
}

fn event(kind: &str, delta: &Value) -> Value {
    json!({"event": {"event_type": kind, "delta": delta}})
}

fn text(kind: &str, text: &str) -> Value {
    event(kind, &json!({"type": "text", "text": text}))
}

fn piece(function: &Value) -> Value {
    event("progress", &json!({"type": "tool_call", "function": function}))
}

fn begun(id: &str, name: &str) -> Value {
    let function = json!({"name": name, "arguments": ""});
    event("progress", &json!({"type": "tool_call", "id": id, "function": function}))
}

fn complete(reason: &str) -> Value {
    let delta = json!({"type": "text", "text": ""});
    json!({"event": {"event_type": "complete", "delta": delta, "stop_reason": reason}})
}

#[test]
fn a_new_id_begins_a_new_call_and_the_counts_come_last() {
    let counts = json!([
        {"metric": "num_prompt_tokens", "value": 7.0},
        {"metric": "num_completion_tokens", "value": 2, "unit": "tokens"},
    ]);
    let (answer, words) = heard(
        DIALECT,
        &[
            text("start", "so "),
            text("progress", "be it"),
            begun("a", "look"),
            piece(&json!({"arguments": "{\"x\""})),
            piece(&json!({"arguments": ":1}"})),
            begun("b", "go"),
            complete("tool_calls"),
            json!({"event": {"event_type": "metrics", "metrics": counts}}),
        ],
    );

    let answer = answer.unwrap();
    assert_eq!(words, "so be it");
    assert_eq!(answer.message.plain_text(), "so be it");
    assert_eq!(answer.message.tool_calls, [call("a", "look", "{\"x\":1}"), call("b", "go", "{}")]);
    assert_eq!(answer.reason, FinishReason::ToolCalls);
    assert_eq!(answer.usage, Usage { input: 7, output: 2, ..Usage::default() });
}

#[test]
fn an_answer_in_one_piece_is_understood_in_both_forms_of_its_content() {
    for content in [json!("yes"), json!({"type": "text", "text": "yes"})] {
        let message = json!({"role": "assistant", "content": content, "stop_reason": "stop"});
        let body = json!({"completion_message": message});

        let answer = DIALECT.read(body.to_string().as_bytes()).unwrap();

        assert_eq!(answer.message.plain_text(), "yes");
        assert_eq!(answer.reason, FinishReason::Stop);
    }
}

#[test]
fn a_stream_without_its_completion_is_garbled() {
    let (answer, _) = heard(DIALECT, &[text("start", ""), text("progress", "so")]);

    assert_eq!(answer.unwrap_err().kind, ModelErrorKind::Garbled);
}

#[test]
fn counts_that_no_number_of_tokens_can_be_do_no_harm() {
    let metrics = json!([{"metric": "num_prompt_tokens", "value": -1e300}]);
    let body = json!({"completion_message": {"content": "yes"}, "metrics": metrics});

    let answer = DIALECT.read(body.to_string().as_bytes()).unwrap();

    assert_eq!(answer.usage.input, 0);
}
