//! The dialect of Anthropic.

use domain::chat::{FinishReason, Message, ModelOptions, Role, Usage};
use serde_json::{Value, json};

use super::{
    super::{ModelErrorKind, ModelRequest, dialect::Dialect},
    call, conversation, heard, options, written,
};

const DIALECT: Dialect = Dialect::Anthropic { takes_sampling: false };
const OLD_DIALECT: Dialect = Dialect::Anthropic { takes_sampling: true };

#[test]
fn rules_stand_apart_and_results_of_a_batch_together() {
    let body = written(DIALECT, &conversation(), &options());

    assert_eq!(
        body,
        json!({
            "model": "m",
            "max_tokens": 100,
            "system": "be kind",
            "messages": [
                {"role": "user", "content": [
                    {"type": "text", "text": "what is this?"},
                    {"type": "image", "source": {
                        "type": "base64", "media_type": "image/png", "data": "aGk=",
                    }},
                ]},
                {"role": "assistant", "content": [
                    {"type": "tool_use", "id": "c1", "name": "look", "input": {"at": 1.5}},
                    {"type": "tool_use", "id": "c2", "name": "look", "input": {}},
                ]},
                {"role": "user", "content": [
                    {"type": "tool_result", "tool_use_id": "c1", "content": "a cat"},
                    {"type": "tool_result", "tool_use_id": "c2", "content": "a dog"},
                    {"type": "text", "text": "and now?"},
                ]},
                {"role": "assistant", "content": [
                    {"type": "text", "text": "let me see"},
                    {"type": "tool_use", "id": "c3", "name": "look", "input": {}},
                ]},
                {"role": "user", "content": [
                    {"type": "tool_result", "tool_use_id": "c3",
                     "content": "{\"error\":\"The tool was not run\",\"status\":\"cancelled\"}"},
                    {"type": "text", "text": "never mind"},
                ]},
            ],
            "tools": [{"name": "look", "description": "looks", "input_schema": {"type": "object"}}],
            "tool_choice": {"type": "any"},
            "stop_sequences": ["END"],
            "output_config": {"format": {"type": "json_schema", "schema": {"type": "object"}}},
        })
    );
}

#[test]
fn an_old_version_still_takes_sampling_parameters() {
    let body = written(OLD_DIALECT, &[], &options());

    assert_eq!((&body["temperature"], &body["top_p"]), (&json!(1.0), &json!(0.5)));
}

#[test]
fn the_longest_answer_has_a_default() {
    let body = written(DIALECT, &[], &ModelOptions::default());

    assert_eq!(body, json!({"model": "m", "max_tokens": 4096, "messages": []}));
}

#[test]
fn each_choice_of_tools_has_its_own_form() {
    let named = json!({"type": "function", "function": {"name": "look"}});
    let allowed =
        json!({"type": "allowed_tools", "allowed_tools": {"mode": "required", "tools": []}});
    let forms = [
        (json!("auto"), json!({"type": "auto"})),
        (json!("none"), json!({"type": "none"})),
        (named, json!({"type": "tool", "name": "look"})),
        (allowed, json!({"type": "any"})),
    ];

    for (choice, form) in forms {
        let options = ModelOptions { tool_choice: Some(choice), ..options() };
        assert_eq!(written(DIALECT, &[], &options)["tool_choice"], form);
    }
}

#[test]
fn arguments_and_raw_blocks_go_back_as_they_came() {
    let raw = r#"[ {"type":"thinking","signature":"s=","thinking":"h\u006d"},
        {"type":"tool_use","id":"c1","name":"look","input":{"b":1.50,"a":2}} ]"#;
    let body = format!(r#"{{"content":{raw},"stop_reason":"tool_use","usage":{{}}}}"#);
    let answer = DIALECT.read(body.as_bytes()).unwrap();
    assert_eq!(answer.message.raw.as_deref(), Some(raw));
    assert_eq!(answer.message.tool_calls, [call("c1", "look", r#"{"b":1.50,"a":2}"#)]);

    let plain = Message { raw: None, ..answer.message.clone() };
    for (message, part) in [
        (answer.message, r#"{"type":"thinking","signature":"s=","thinking":"h\u006d"}"#),
        (plain, r#""input":{"b":1.50,"a":2}}"#),
    ] {
        let options = ModelOptions::default();
        let request = ModelRequest { model: "m", messages: &[message], options: &options };
        let text = DIALECT.write(&request, false).unwrap();
        assert!(text.contains(part), "{text}");
    }
}

#[test]
fn turns_that_say_nothing_are_left_out() {
    let turns = [Message::text(Role::User, "a"), Message::text(Role::Assistant, " ")];

    let body = written(DIALECT, &turns, &ModelOptions::default());

    assert_eq!(body["messages"].as_array().map(Vec::len), Some(1));
}

fn block(index: u64, block: &Value) -> Value {
    json!({"type": "content_block_start", "index": index, "content_block": block})
}

fn delta(index: u64, delta: &Value) -> Value {
    json!({"type": "content_block_delta", "index": index, "delta": delta})
}

fn stopped(reason: &str) -> Value {
    let delta = json!({"stop_reason": reason, "stop_sequence": null});
    json!({"type": "message_delta", "delta": delta, "usage": {"output_tokens": 9}})
}

fn tool_use() -> Value {
    block(2, &json!({"type": "tool_use", "id": "c1", "name": "look", "input": {}}))
}

#[test]
fn a_stream_is_put_together_and_its_counts_are_cumulative() {
    let usage = json!({
        "input_tokens": 1, "cache_creation_input_tokens": 2, "cache_read_input_tokens": 4,
        "output_tokens": 3,
    });
    let (answer, words) = heard(
        DIALECT,
        &[
            json!({"type": "message_start", "message": {"usage": usage}}),
            json!({"type": "ping"}),
            block(0, &json!({"type": "thinking", "thinking": "", "signature": ""})),
            delta(0, &json!({"type": "thinking_delta", "thinking": "hm"})),
            delta(0, &json!({"type": "signature_delta", "signature": "s="})),
            json!({"type": "content_block_stop", "index": 0}),
            block(1, &json!({"type": "text", "text": ""})),
            delta(1, &json!({"type": "text_delta", "text": "so "})),
            delta(1, &json!({"type": "text_delta", "text": "be it"})),
            tool_use(),
            delta(2, &json!({"type": "input_json_delta", "partial_json": "{\"b\":1.50"})),
            delta(2, &json!({"type": "input_json_delta", "partial_json": ",\"a\":2}"})),
            json!({"type": "of_the_future", "index": "x".len()}),
            stopped("tool_use"),
            json!({"type": "message_stop"}),
        ],
    );

    let answer = answer.unwrap();
    assert_eq!(words, "so be it");
    assert_eq!(answer.message.plain_text(), "so be it");
    assert_eq!(answer.message.tool_calls, [call("c1", "look", "{\"b\":1.50,\"a\":2}")]);
    assert_eq!(answer.usage, Usage { input: 7, output: 9, cache_read: 4, cache_write: 2 });
    let raw: Value = serde_json::from_str(&answer.message.raw.unwrap()).unwrap();
    assert_eq!(raw[0], json!({"type": "thinking", "thinking": "hm", "signature": "s="}));
    assert_eq!(raw.as_array().map(Vec::len), Some(3));
}

#[test]
fn a_call_that_the_limit_of_tokens_cut_off_is_dropped() {
    let input = delta(2, &json!({"type": "input_json_delta", "partial_json": "{\"b\":"}));
    let events =
        |reason| vec![tool_use(), input.clone(), stopped(reason), json!({"type": "message_stop"})];

    let (cut_short, _) = heard(DIALECT, &events("max_tokens"));
    let (broken, _) = heard(DIALECT, &events("tool_use"));

    assert_eq!(cut_short.unwrap().reason, FinishReason::Length);
    assert_eq!(broken.unwrap_err().kind, ModelErrorKind::Garbled);
}

#[test]
fn an_error_in_the_stream_ends_it() {
    let error = json!({"type": "overloaded_error", "message": "too much"});

    let (answer, _) = heard(DIALECT, &[json!({"type": "error", "error": error})]);

    let error = answer.unwrap_err();
    assert_eq!(error.kind, ModelErrorKind::Overloaded);
    assert_eq!(error.detail, "is overloaded: too much");
}

#[test]
fn a_stream_without_its_end_is_garbled() {
    let (answer, _) = heard(DIALECT, &[tool_use(), stopped("end_turn")]);

    assert_eq!(answer.unwrap_err().kind, ModelErrorKind::Garbled);
}
