//! What is said to a model and what is understood of its answer, dialect by dialect.

mod anthropic;
mod failures;
mod llama;
mod openai;

use domain::chat::{Message, ModelOptions, Part, Role, Tool, ToolCall};
use eventsource_stream::Event;
use serde_json::{Value, json};

use super::{Delta, ModelAnswer, ModelError, ModelRequest, dialect::Dialect};

/// A conversation with everything in it: rules, a picture, two calls side by side, and a third
/// whose tool never answered.
fn conversation() -> Vec<Message> {
    let picture = Part::Image { url: "data:image/png;base64,aGk=".to_owned() };
    let text = Part::Text { text: "what is this?".to_owned() };
    vec![
        Message::text(Role::System, "be kind"),
        Message { content: vec![text, picture], ..Message::text(Role::User, "") },
        asking("", &[("c1", "look", r#"{"at": 1.50}"#), ("c2", "look", "{}")]),
        Message::tool_result("c1", "a cat"),
        Message::tool_result("c2", "a dog"),
        Message::text(Role::User, "and now?"),
        asking("let me see", &[("c3", "look", "not JSON")]),
        Message::text(Role::User, "never mind"),
    ]
}

fn asking(text: &str, calls: &[(&str, &str, &str)]) -> Message {
    Message {
        tool_calls: calls.iter().map(|(id, name, arguments)| call(id, name, arguments)).collect(),
        ..Message::text(Role::Assistant, text)
    }
}

fn call(id: &str, name: &str, arguments: &str) -> ToolCall {
    ToolCall { id: id.to_owned(), name: name.to_owned(), arguments: arguments.to_owned() }
}

fn options() -> ModelOptions {
    ModelOptions {
        tools: vec![Tool {
            name: "look".to_owned(),
            description: Some("looks".to_owned()),
            parameters: json!({"type": "object"}),
            is_built_in: true,
        }],
        tool_choice: Some(json!("required")),
        temperature: Some(1.5),
        top_p: Some(0.5),
        max_tokens: Some(100),
        stop: vec!["END".to_owned()],
        response_format: Some(json!({
            "type": "json_schema",
            "json_schema": {"name": "animal", "schema": {"type": "object"}},
        })),
    }
}

fn written(dialect: Dialect, messages: &[Message], options: &ModelOptions) -> Value {
    let request = ModelRequest { model: "m", messages, options };
    serde_json::from_str(&dialect.write(&request, false).unwrap()).unwrap()
}

/// What is understood of a stream, and the words that were given out meanwhile.
fn heard(dialect: Dialect, events: &[Value]) -> (Result<ModelAnswer, ModelError>, String) {
    let mut words = String::new();
    let mut assembly = dialect.assembly();
    for data in events {
        let data = data.as_str().map_or_else(|| data.to_string(), str::to_owned);
        let event = Event { data, ..Event::default() };
        let taken = assembly.take(&event, &mut |Delta::Text(text)| words.push_str(text));
        match taken {
            Ok(flow) if flow.is_break() => break,
            Ok(_) => {}
            Err(error) => return (Err(error), words),
        }
    }
    (assembly.finish(), words)
}
