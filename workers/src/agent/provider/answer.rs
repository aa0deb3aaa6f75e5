//! An answer as a dialect read it, and what is made of it whatever the dialect.

use std::collections::HashSet;

use domain::chat::{FinishReason, Message, Part, Role, ToolCall, Usage};
use serde_json::Value;
use uuid::Uuid;

use super::{ModelAnswer, ModelError};

/// The longest answer, in bytes.
pub(super) const LONGEST: usize = 16 * 1024 * 1024;

/// What a dialect read.
#[derive(Default)]
pub(super) struct Draft {
    pub text: String,
    pub calls: Vec<ToolCall>,
    pub raw: Option<String>,
    pub usage: Usage,
    pub reason: Option<FinishReason>,
}

impl Draft {
    /// The answer, with a reason that fits its tool calls, and each call with an id of its own.
    pub fn settle(mut self) -> Result<ModelAnswer, ModelError> {
        if self.size() > LONGEST {
            return Err(ModelError::garbled("it is too long"));
        }
        let reason = self.settle_reason();
        settle_calls(&mut self.calls)?;
        let message = Message {
            role: Role::Assistant,
            content: match self.text.as_str() {
                "" => vec![],
                _ => vec![Part::Text { text: self.text }],
            },
            tool_calls: self.calls,
            tool_call_id: None,
            raw: self.raw,
        };
        Ok(ModelAnswer { message, usage: self.usage, reason })
    }

    fn size(&self) -> usize {
        let calls = self.calls.iter().map(|call| call.name.len() + call.arguments.len());
        self.text.len() + self.raw.as_ref().map_or(0, String::len) + calls.sum::<usize>()
    }

    /// An answer that was cut short may end inside a call: nothing of it may be run or passed back.
    fn settle_reason(&mut self) -> FinishReason {
        match self.reason {
            Some(reason @ (FinishReason::Length | FinishReason::ContentFilter)) => {
                self.calls.clear();
                self.raw = None;
                reason
            }
            Some(FinishReason::Stop | FinishReason::ToolCalls) | None if self.calls.is_empty() => {
                FinishReason::Stop
            }
            Some(FinishReason::Stop | FinishReason::ToolCalls) | None => FinishReason::ToolCalls,
        }
    }
}

fn settle_calls(calls: &mut [ToolCall]) -> Result<(), ModelError> {
    let mut ids = HashSet::new();
    for call in calls {
        if call.name.is_empty() {
            return Err(ModelError::garbled("a tool call names no tool"));
        }
        if call.arguments.trim().is_empty() {
            "{}".clone_into(&mut call.arguments);
        }
        if call.id.is_empty() || ids.contains(&call.id) {
            call.id = format!("call_{}", Uuid::new_v4().simple());
        }
        ids.insert(call.id.clone());
    }
    Ok(())
}

/// The text of a `content` in any of its forms: a string, a part, or several parts.
pub(super) fn text_of(content: &Value) -> String {
    match content {
        Value::String(text) => text.clone(),
        Value::Object(part) => part.get("text").map(text_of).unwrap_or_default(),
        Value::Array(parts) => parts.iter().map(text_of).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) => String::new(),
    }
}

/// Arguments as JSON text; some servers give them as an object.
pub(super) fn arguments_of(arguments: &Value) -> String {
    match arguments {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Object(_) | Value::Array(_) | Value::Bool(_) | Value::Number(_) => {
            arguments.to_string()
        }
    }
}
