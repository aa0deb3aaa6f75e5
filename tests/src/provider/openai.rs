//! What `OpenAI` puts on the wire.

use serde_json::{Value, json};

use super::reply::{Call, INPUT_TOKENS, OUTPUT_TOKENS, Said};

const ID: &str = "chatcmpl-scripted";
const CREATED: u64 = 1_760_000_000;

fn usage() -> Value {
    json!({
        "prompt_tokens": INPUT_TOKENS,
        "completion_tokens": OUTPUT_TOKENS,
        "total_tokens": INPUT_TOKENS + OUTPUT_TOKENS,
        "prompt_tokens_details": {"cached_tokens": 3, "cache_write_tokens": 1},
    })
}

fn finish_reason(said: &Said) -> &'static str {
    match (said.is_cut_short, said.calls.is_empty()) {
        (true, _) => "length",
        (false, true) => "stop",
        (false, false) => "tool_calls",
    }
}

fn function(call: &Call) -> Value {
    json!({
        "id": call.id,
        "type": "function",
        "function": {"name": call.name, "arguments": call.arguments},
    })
}

/// An answer in one piece.
pub(super) fn whole(said: &Said, model: &str) -> Value {
    let content = if said.text.is_empty() { Value::Null } else { said.text.as_str().into() };
    let mut message = json!({"role": "assistant", "content": content, "refusal": null});
    if !said.calls.is_empty() {
        message["tool_calls"] = said.calls.iter().map(function).collect();
    }
    json!({
        "id": ID,
        "object": "chat.completion",
        "created": CREATED,
        "model": model,
        "choices": [{
            "index": 0,
            "message": message,
            "logprobs": null,
            "finish_reason": finish_reason(said),
        }],
        "usage": usage(),
    })
}

/// An answer in pieces; the tokens are only counted on request.
pub(super) fn stream(said: &Said, request: &Value) -> Vec<String> {
    let is_counted = request["stream_options"]["include_usage"] == true;
    let chunk = |choices: Value, usage: Option<Value>| {
        let mut chunk = json!({
            "id": ID,
            "object": "chat.completion.chunk",
            "created": CREATED,
            "model": request["model"],
            "choices": choices,
        });
        if is_counted {
            chunk["usage"] = usage.unwrap_or_default();
        }
        format!("data: {chunk}\n\n")
    };
    let delta = |delta: &Value, reason: Option<&str>| {
        chunk(json!([{"index": 0, "delta": delta, "finish_reason": reason}]), None)
    };
    let mut frames = vec![delta(&json!({"role": "assistant", "content": ""}), None)];
    frames.extend(said.words().map(|word| delta(&json!({"content": word}), None)));
    frames.extend(said.calls.iter().enumerate().flat_map(|(index, call)| {
        call_deltas(index, call).map(|call| delta(&json!({"tool_calls": [call]}), None))
    }));
    frames.push(delta(&json!({}), Some(finish_reason(said))));
    if is_counted {
        frames.push(chunk(json!([]), Some(usage())));
    }
    frames.push("data: [DONE]\n\n".to_owned());
    frames
}

fn call_deltas(index: usize, call: &Call) -> [Value; 3] {
    let mut first = function(call);
    first["index"] = index.into();
    first["function"]["arguments"] = "".into();
    let [left, right] = call.pieces();
    let more = |piece| json!({"index": index, "function": {"arguments": piece}});
    [first, more(left), more(right)]
}

/// The body of an error.
pub(super) fn error(code: u16) -> Value {
    let kind = match code {
        401 | 403 => "authentication_error",
        429 => "rate_limit_error",
        500.. => "server_error",
        _ => "invalid_request_error",
    };
    json!({"error": {"message": "scripted failure", "type": kind, "param": null, "code": null}})
}

/// An error in the middle of a stream.
pub(super) fn midway() -> String {
    format!("data: {}\n\n", error(500))
}
