//! What Meta's Llama API puts on the wire in its native form.

use serde_json::{Value, json};

use super::reply::{Call, INPUT_TOKENS, OUTPUT_TOKENS, Said};

fn metrics() -> Value {
    json!([
        {"metric": "num_completion_tokens", "value": OUTPUT_TOKENS, "unit": "tokens"},
        {"metric": "num_prompt_tokens", "value": INPUT_TOKENS, "unit": "tokens"},
        {"metric": "num_total_tokens", "value": INPUT_TOKENS + OUTPUT_TOKENS, "unit": "tokens"},
    ])
}

fn stop_reason(said: &Said) -> &'static str {
    match (said.is_cut_short, said.calls.is_empty()) {
        (true, _) => "length",
        (false, true) => "stop",
        (false, false) => "tool_calls",
    }
}

fn function(call: &Call) -> Value {
    json!({"id": call.id, "function": {"name": call.name, "arguments": call.arguments}})
}

/// An answer in one piece.
pub(super) fn whole(said: &Said) -> Value {
    let mut message = json!({
        "role": "assistant",
        "content": {"type": "text", "text": said.text},
        "stop_reason": stop_reason(said),
    });
    if !said.calls.is_empty() {
        message["tool_calls"] = said.calls.iter().map(function).collect();
    }
    json!({"id": "scripted", "completion_message": message, "metrics": metrics()})
}

/// An answer in pieces; it ends when the connection does.
pub(super) fn stream(said: &Said) -> Vec<String> {
    let text = |text: &str| json!({"type": "text", "text": text});
    let mut frames = vec![frame(&json!({"event_type": "start", "delta": text("")}))];
    let progress = |delta: Value| frame(&json!({"event_type": "progress", "delta": delta}));
    frames.extend(said.words().map(|word| progress(text(word))));
    frames.extend(said.calls.iter().flat_map(call_deltas).map(progress));
    frames.push(frame(&json!({
        "event_type": "complete",
        "delta": text(""),
        "stop_reason": stop_reason(said),
    })));
    frames.push(frame(&json!({
        "event_type": "metrics",
        "delta": text(""),
        "metrics": metrics(),
    })));
    frames
}

fn frame(event: &Value) -> String {
    format!("data: {}\n\n", json!({"id": "scripted", "event": event}))
}

fn call_deltas(call: &Call) -> [Value; 3] {
    let [left, right] = call.pieces();
    let more = |piece| json!({"type": "tool_call", "function": {"arguments": piece}});
    let first = json!({
        "type": "tool_call",
        "id": call.id,
        "function": {"name": call.name, "arguments": ""},
    });
    [first, more(left), more(right)]
}

/// The body of an error.
pub(super) fn error(code: u16) -> Value {
    json!({"title": "scripted failure", "detail": "scripted failure", "status": code})
}

/// An error in the middle of a stream.
pub(super) fn midway() -> String {
    format!("event: error\ndata: {}\n\n", json!({"error": {"message": "scripted failure"}}))
}
