//! The tools of a request: the client's own, and those that Annals runs.

use domain::{
    chat::Tool,
    tool::{BuiltIn, built_in},
};
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::body::Mistakes;

/// What vendors answer to a tool that makes no sense.
const INVALID: &str = "Validation error - Invalid tool parameters";

/// A tool, in the form of `OpenAI` (`function`) or of Anthropic (`name`, `input_schema`).
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = ChatTool)]
pub(super) struct ToolBody {
    /// `function`.
    r#type: Option<String>,
    /// The form of `OpenAI`.
    function: Option<FunctionBody>,
    /// The form of Anthropic.
    name: Option<String>,
    description: Option<String>,
    /// JSON Schema of the arguments.
    #[schema(value_type = Option<Object>)]
    input_schema: Option<Value>,
    /// The same.
    #[schema(value_type = Option<Object>)]
    parameters: Option<Value>,
}

/// A tool in the form of `OpenAI`.
#[derive(Debug, Deserialize, ToSchema)]
pub(super) struct FunctionBody {
    name: String,
    description: Option<String>,
    /// JSON Schema of the arguments.
    #[schema(value_type = Option<Object>)]
    parameters: Option<Value>,
}

impl ToolBody {
    /// The tool, or nothing and a note of what is wrong with it.
    pub(super) fn read(self, pointer: &str, mistakes: &mut Mistakes) -> Option<Tool> {
        let is_function = matches!(self.r#type.as_deref(), None | Some("function"));
        let (name, description, schema) = if let Some(function) = self.function {
            (function.name, function.description, function.parameters)
        } else {
            let schema = self.input_schema.or(self.parameters);
            (self.name.unwrap_or_default(), self.description, schema)
        };
        if let Some(known) = built_in(&name) {
            return Some(offered(known));
        }
        let parameters = schema.unwrap_or_else(|| json!({ "type": "object", "properties": {} }));
        if !is_function || !is_name(&name) || !is_schema(&parameters) {
            mistakes.add(pointer, INVALID);
            return None;
        }
        Some(Tool { name, description, parameters, is_built_in: false })
    }
}

/// A tool of ours, as a model is told of it.
pub(super) fn offered(tool: &BuiltIn) -> Tool {
    Tool {
        name: tool.name.to_owned(),
        description: Some(tool.description.to_owned()),
        parameters: serde_json::from_str(tool.parameters).unwrap_or_default(),
        is_built_in: true,
    }
}

/// All tools of a request: those it defines, and those of ours it names.
pub(super) fn tools(
    defined: Vec<ToolBody>,
    subset: Vec<String>,
    mistakes: &mut Mistakes,
) -> Vec<Tool> {
    let mut tools: Vec<Tool> = Vec::new();
    for (place, tool) in defined.into_iter().enumerate() {
        let pointer = format!("/tools/{place}");
        let Some(tool) = tool.read(&pointer, mistakes) else { continue };
        if tools.iter().any(|other| other.name == tool.name) {
            mistakes.add(pointer, "another tool has this name");
        }
        tools.push(tool);
    }
    for (place, name) in subset.into_iter().enumerate() {
        match built_in(&name) {
            Some(_) if tools.iter().any(|tool| tool.name == name) => {}
            Some(tool) => tools.push(offered(tool)),
            None => mistakes.add(format!("/tool_subset/{place}"), "there is no such built-in tool"),
        }
    }
    tools
}

/// A choice of tools in the form of `OpenAI`; Anthropic's form is understood too.
pub(super) fn choice(given: &Value, tools: &[Tool], mistakes: &mut Mistakes) -> Option<Value> {
    let word = given.as_str().or_else(|| given["type"].as_str()).unwrap_or_default();
    let name = given["function"]["name"].as_str().or_else(|| given["name"].as_str());
    match (word, name) {
        ("auto" | "none" | "required", None) => Some(json!(word)),
        ("any", None) => Some(json!("required")),
        ("function" | "tool", Some(name)) if tools.iter().any(|tool| tool.name == name) => {
            Some(json!({ "type": "function", "function": { "name": name } }))
        }
        ("function" | "tool", Some(_)) => {
            mistakes.add("/tool_choice", "names a tool that this request does not offer");
            None
        }
        _ => {
            mistakes.add("/tool_choice", "must be auto, none, required or one function");
            None
        }
    }
}

fn is_name(name: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-".contains(&byte);
    (1..=64).contains(&name.len()) && name.bytes().all(is_plain)
}

fn is_schema(schema: &Value) -> bool {
    schema.is_object() && matches!(schema.get("type"), None | Some(Value::String(_)))
}
