//! A conversation made fit for a provider: each tool call needs an answer, or all later turns are refused.

use std::borrow::Cow;

use domain::chat::{Message, Role};

/// What the model is told of a call whose run ended before the tool did.
const NOT_RUN: &str = r#"{"error":"The tool was not run","status":"cancelled"}"#;

/// The turns, and an answer for each tool call that has none.
pub(super) fn complete(messages: &[Message]) -> Vec<Cow<'_, Message>> {
    let mut turns = Vec::with_capacity(messages.len());
    let mut open: Vec<&str> = vec![];
    for message in messages {
        if message.role == Role::Tool {
            open.retain(|id| message.tool_call_id.as_deref() != Some(id));
        } else {
            close(&mut turns, &mut open);
            open.extend(message.tool_calls.iter().map(|call| call.id.as_str()));
        }
        turns.push(Cow::Borrowed(message));
    }
    close(&mut turns, &mut open);
    turns
}

fn close(turns: &mut Vec<Cow<'_, Message>>, open: &mut Vec<&str>) {
    turns.extend(open.drain(..).map(|id| Cow::Owned(Message::tool_result(id, NOT_RUN))));
}
