//! What Anthropic puts on the wire.

use serde_json::{Value, json};

use super::reply::{Call, INPUT_TOKENS, OUTPUT_TOKENS, Said};

fn usage(written: u64) -> Value {
    json!({
        "input_tokens": INPUT_TOKENS - 4,
        "cache_creation_input_tokens": 1,
        "cache_read_input_tokens": 3,
        "output_tokens": written,
    })
}

fn stop_reason(said: &Said) -> &'static str {
    match (said.is_cut_short, said.calls.is_empty()) {
        (true, _) => "max_tokens",
        (false, true) => "end_turn",
        (false, false) => "tool_use",
    }
}

fn message(model: &Value, content: &Value, stop_reason: Option<&str>, usage: &Value) -> Value {
    json!({
        "id": "msg_scripted",
        "type": "message",
        "role": "assistant",
        "model": model,
        "content": content,
        "stop_reason": stop_reason,
        "stop_sequence": null,
        "usage": usage,
    })
}

/// An answer in one piece.
pub(super) fn whole(said: &Said, model: &Value) -> Value {
    let thought = said.thought.iter().map(|(thinking, signature)| {
        json!({"type": "thinking", "thinking": thinking, "signature": signature})
    });
    let text = said.words().next().map(|_| json!({"type": "text", "text": said.text}));
    let calls = said.calls.iter().map(|call| {
        let mut block = tool_use(call);
        block["input"] = serde_json::from_str(&call.arguments).unwrap_or_default();
        block
    });
    let content = thought.chain(text).chain(calls).collect();
    message(model, &content, Some(stop_reason(said)), &usage(OUTPUT_TOKENS))
}

fn tool_use(call: &Call) -> Value {
    json!({"type": "tool_use", "id": call.id, "name": call.name, "input": {}})
}

/// An answer in pieces.
pub(super) fn stream(said: &Said, model: &Value) -> Vec<String> {
    let start = message(model, &json!([]), None, &usage(1));
    let mut frames = vec![
        frame(&json!({"type": "message_start", "message": start})),
        frame(&json!({"type": "ping"})),
    ];
    for (index, (block, deltas)) in blocks(said).into_iter().enumerate() {
        let start = json!({"type": "content_block_start", "index": index, "content_block": block});
        frames.push(frame(&start));
        frames.extend(deltas.iter().map(|delta| {
            frame(&json!({"type": "content_block_delta", "index": index, "delta": delta}))
        }));
        frames.push(frame(&json!({"type": "content_block_stop", "index": index})));
    }
    frames.push(frame(&json!({
        "type": "message_delta",
        "delta": {"stop_reason": stop_reason(said), "stop_sequence": null},
        "usage": {"output_tokens": OUTPUT_TOKENS},
    })));
    frames.push(frame(&json!({"type": "message_stop"})));
    frames
}

/// Each block as it begins, and what is added to it.
fn blocks(said: &Said) -> Vec<(Value, Vec<Value>)> {
    let mut blocks = vec![];
    if let Some((thinking, signature)) = &said.thought {
        blocks.push((
            json!({"type": "thinking", "thinking": "", "signature": ""}),
            vec![
                json!({"type": "thinking_delta", "thinking": thinking}),
                json!({"type": "signature_delta", "signature": signature}),
            ],
        ));
    }
    if !said.text.is_empty() {
        let words = said.words().map(|word| json!({"type": "text_delta", "text": word}));
        blocks.push((json!({"type": "text", "text": ""}), words.collect()));
    }
    blocks.extend(said.calls.iter().map(|call| {
        let piece = |piece| json!({"type": "input_json_delta", "partial_json": piece});
        (tool_use(call), ["", call.pieces()[0], call.pieces()[1]].map(piece).to_vec())
    }));
    blocks
}

fn frame(event: &Value) -> String {
    format!("event: {}\ndata: {event}\n\n", event["type"].as_str().unwrap_or_default())
}

/// The body of an error.
pub(super) fn error(code: u16) -> Value {
    let kind = match code {
        401 => "authentication_error",
        403 => "permission_error",
        404 => "not_found_error",
        413 => "request_too_large",
        429 => "rate_limit_error",
        504 => "timeout_error",
        529 => "overloaded_error",
        500.. => "api_error",
        _ => "invalid_request_error",
    };
    json!({"type": "error", "error": {"type": kind, "message": "scripted failure"}})
}

/// An error in the middle of a stream.
pub(super) fn midway() -> String {
    frame(&error(529))
}
