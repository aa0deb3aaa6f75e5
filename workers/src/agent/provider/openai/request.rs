//! A request in OpenAI's form; the parts that Llama's form shares are functions of their own.

use std::borrow::Cow;

use domain::chat::{Message, Part, Role, Tool, ToolCall};
use serde_json::{Map, Value, json};

use super::super::{ModelRequest, history};

/// The body of a request.
pub(in super::super) fn write(request: &ModelRequest<'_>, stream: bool) -> Value {
    let options = request.options;
    let mut body = Map::new();
    body.insert("model".into(), request.model.into());
    body.insert("messages".into(), messages(request.messages, openai_call));
    if !options.tools.is_empty() {
        body.insert("tools".into(), options.tools.iter().map(function).collect());
        body.extend(options.tool_choice.clone().map(|choice| ("tool_choice".into(), choice)));
    }
    if !options.stop.is_empty() {
        body.insert("stop".into(), json!(options.stop));
    }
    let optional = [
        ("temperature", options.temperature.map(Value::from)),
        ("top_p", options.top_p.map(Value::from)),
        ("max_completion_tokens", options.max_tokens.map(Value::from)),
        ("response_format", options.response_format.clone()),
        ("stream", stream.then_some(Value::Bool(true))),
        ("stream_options", stream.then(|| json!({"include_usage": true}))),
    ];
    body.extend(optional.into_iter().filter_map(|(name, value)| Some((name.into(), value?))));
    Value::Object(body)
}

fn openai_call(call: &ToolCall) -> Value {
    json!({
        "id": call.id,
        "type": "function",
        "function": {"name": call.name, "arguments": call.arguments},
    })
}

/// The turns, with tool calls in the form that `call` gives them.
pub(in super::super) fn messages(messages: &[Message], call: fn(&ToolCall) -> Value) -> Value {
    history::complete(messages).iter().map(|turn: &Cow<'_, Message>| message(turn, call)).collect()
}

fn message(turn: &Message, call: fn(&ToolCall) -> Value) -> Value {
    let role = turn.role.name();
    match turn.role {
        Role::System => json!({"role": role, "content": turn.plain_text()}),
        Role::User => json!({"role": role, "content": content(&turn.content)}),
        Role::Tool => {
            let id = turn.tool_call_id.as_deref().unwrap_or_default();
            json!({"role": role, "tool_call_id": id, "content": turn.plain_text()})
        }
        Role::Assistant if turn.tool_calls.is_empty() => {
            json!({"role": role, "content": turn.plain_text()})
        }
        Role::Assistant => {
            let calls: Value = turn.tool_calls.iter().map(call).collect();
            match turn.plain_text() {
                text if text.is_empty() => json!({"role": role, "tool_calls": calls}),
                text => json!({"role": role, "content": text, "tool_calls": calls}),
            }
        }
    }
}

/// Words alone go as a string, which every server understands.
fn content(parts: &[Part]) -> Value {
    match parts {
        [Part::Text { text }] => text.as_str().into(),
        parts => parts
            .iter()
            .map(|part| match part {
                Part::Text { text } => json!({"type": "text", "text": text}),
                Part::Image { url } => json!({"type": "image_url", "image_url": {"url": url}}),
            })
            .collect(),
    }
}

/// A tool that may be asked for.
pub(in super::super) fn function(tool: &Tool) -> Value {
    let mut function = json!({"name": tool.name, "parameters": tool.parameters});
    if let Some(description) = &tool.description {
        function["description"] = description.as_str().into();
    }
    json!({"type": "function", "function": function})
}
