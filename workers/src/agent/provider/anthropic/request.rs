//! A request in Anthropic's form.

use domain::chat::{Message, ModelOptions, Part, Role, Tool, ToolCall};
use serde::Serialize;
use serde_json::{
    Error, Value, json,
    value::{RawValue, to_raw_value},
};

use super::super::{ModelRequest, history};

/// The longest answer where the request does not say, for the field must be there.
const MAX_TOKENS: u32 = 4096;

#[derive(Serialize)]
struct Body<'a> {
    model: &'a str,
    max_tokens: u32,
    #[serde(skip_serializing_if = "String::is_empty")]
    system: String,
    messages: Vec<Turn>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tools: Vec<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_choice: Option<Value>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    stop_sequences: Vec<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    temperature: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    top_p: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    output_config: Option<Value>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    stream: bool,
}

#[derive(Serialize)]
struct Turn {
    role: &'static str,
    content: Vec<Box<RawValue>>,
}

#[derive(Serialize)]
#[serde(tag = "type", rename = "tool_use")]
struct ToolUse<'a> {
    id: &'a str,
    name: &'a str,
    input: &'a RawValue,
}

/// The body of a request.
pub(in super::super) fn write(
    request: &ModelRequest<'_>,
    stream: bool,
    takes_sampling: bool,
) -> Result<String, Error> {
    let options = request.options;
    serde_json::to_string(&Body {
        model: request.model,
        max_tokens: options.max_tokens.unwrap_or(MAX_TOKENS),
        system: system(request.messages),
        messages: turns(request.messages)?,
        tools: options.tools.iter().map(tool).collect(),
        tool_choice: tool_choice(options),
        stop_sequences: stop_sequences(&options.stop),
        temperature: options.temperature.filter(|_| takes_sampling).map(|most| most.min(1.0)),
        top_p: options.top_p.filter(|_| takes_sampling),
        output_config: options.response_format.as_ref().and_then(output_config),
        stream,
    })
}

fn system(messages: &[Message]) -> String {
    let rules = messages.iter().filter(|message| message.role == Role::System);
    rules.map(Message::plain_text).filter(|rule| !rule.is_empty()).collect::<Vec<_>>().join("\n\n")
}

/// Turns of the same role become one, so all results of a batch of tools stand together.
fn turns(messages: &[Message]) -> Result<Vec<Turn>, Error> {
    let mut turns: Vec<Turn> = vec![];
    for message in history::complete(messages) {
        let role = match message.role {
            Role::System => continue,
            Role::User | Role::Tool => "user",
            Role::Assistant => "assistant",
        };
        let blocks = blocks(&message)?;
        match turns.last_mut() {
            Some(last) if last.role == role => last.content.extend(blocks),
            Some(_) | None if blocks.is_empty() => {}
            Some(_) | None => turns.push(Turn { role, content: blocks }),
        }
    }
    Ok(turns)
}

fn blocks(message: &Message) -> Result<Vec<Box<RawValue>>, Error> {
    if let Some(raw) = &message.raw
        && let Ok(blocks) = serde_json::from_str(raw)
    {
        return Ok(blocks);
    }
    if message.role == Role::Tool {
        return Ok(vec![tool_result(message)?]);
    }
    let parts = message.content.iter().filter_map(part).map(|part| to_raw_value(&part));
    parts.chain(message.tool_calls.iter().map(tool_use)).collect()
}

/// Empty text is refused, so it is left out.
fn part(part: &Part) -> Option<Value> {
    match part {
        Part::Text { text } if text.trim().is_empty() => None,
        Part::Text { text } => Some(json!({"type": "text", "text": text})),
        Part::Image { url } => Some(json!({"type": "image", "source": image(url)})),
    }
}

fn image(url: &str) -> Value {
    let embedded = url.strip_prefix("data:").and_then(|rest| rest.split_once(";base64,"));
    match embedded {
        Some((media_type, data)) => {
            json!({"type": "base64", "media_type": media_type, "data": data})
        }
        None => json!({"type": "url", "url": url}),
    }
}

fn tool_result(message: &Message) -> Result<Box<RawValue>, Error> {
    let id = message.tool_call_id.as_deref().unwrap_or_default();
    let content: Value = match message.content.as_slice() {
        [Part::Text { text }] => text.as_str().into(),
        parts => parts.iter().filter_map(part).collect(),
    };
    to_raw_value(&json!({"type": "tool_result", "tool_use_id": id, "content": content}))
}

/// The arguments go back as the model wrote them, if they are what they should be: an object.
fn tool_use(call: &ToolCall) -> Result<Box<RawValue>, Error> {
    let arguments = call.arguments.trim();
    let written: Option<&RawValue> = serde_json::from_str(arguments).ok();
    let input = match written.filter(|_| arguments.starts_with('{')) {
        Some(written) => written,
        None => serde_json::from_str("{}")?,
    };
    to_raw_value(&ToolUse { id: &call.id, name: &call.name, input })
}

fn tool(tool: &Tool) -> Value {
    let mut schema = tool.parameters.clone();
    if let Some(schema) = schema.as_object_mut() {
        schema.entry("type").or_insert("object".into());
    } else {
        schema = json!({"type": "object"});
    }
    let mut tool_json = json!({"name": tool.name, "input_schema": schema});
    if let Some(description) = &tool.description {
        tool_json["description"] = description.as_str().into();
    }
    tool_json
}

fn tool_choice(options: &ModelOptions) -> Option<Value> {
    let choice = options.tool_choice.as_ref().filter(|_| !options.tools.is_empty())?;
    let word = choice.as_str().or(choice["allowed_tools"]["mode"].as_str());
    match (word, choice["function"]["name"].as_str()) {
        (Some("required"), _) => Some(json!({"type": "any"})),
        (Some("none"), _) => Some(json!({"type": "none"})),
        (Some(_), _) => Some(json!({"type": "auto"})),
        (None, Some(name)) => Some(json!({"type": "tool", "name": name})),
        (None, None) => None,
    }
}

/// One that holds nothing but blanks is refused, so it is left out.
fn stop_sequences(stop: &[String]) -> Vec<&str> {
    stop.iter().map(String::as_str).filter(|stop| !stop.trim().is_empty()).collect()
}

fn output_config(format: &Value) -> Option<Value> {
    let schema = format["json_schema"].get("schema")?;
    Some(json!({"format": {"type": "json_schema", "schema": schema}}))
}
