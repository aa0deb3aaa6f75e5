//! An answer in Anthropic's form: content blocks and their counts.

use domain::chat::{FinishReason, ToolCall, Usage};
use serde::Deserialize;
use serde_json::{Value, value::RawValue};

use super::super::{
    ModelError,
    answer::Draft,
    dialect::{garbled, parse},
};

#[derive(Deserialize)]
struct Answer {
    content: Box<RawValue>,
    stop_reason: Option<String>,
    #[serde(default)]
    usage: Counts,
}

#[derive(Deserialize)]
struct Block {
    r#type: String,
    text: Option<String>,
    id: Option<String>,
    name: Option<String>,
    input: Option<Box<RawValue>>,
    citations: Option<Value>,
}

/// What was counted so far; a later count replaces an earlier one.
#[derive(Clone, Copy, Default, Deserialize)]
pub(super) struct Counts {
    #[serde(rename = "input_tokens")]
    uncached: Option<u64>,
    #[serde(rename = "output_tokens")]
    output: Option<u64>,
    #[serde(rename = "cache_creation_input_tokens")]
    cache_write: Option<u64>,
    #[serde(rename = "cache_read_input_tokens")]
    cache_read: Option<u64>,
}

impl Counts {
    pub fn replaced_by(self, later: Self) -> Self {
        Self {
            uncached: later.uncached.or(self.uncached),
            output: later.output.or(self.output),
            cache_write: later.cache_write.or(self.cache_write),
            cache_read: later.cache_read.or(self.cache_read),
        }
    }

    /// Anthropic's own input count leaves out what went through the cache.
    pub fn usage(self) -> Usage {
        let cache_read = self.cache_read.unwrap_or_default();
        let cache_write = self.cache_write.unwrap_or_default();
        let uncached = self.uncached.unwrap_or_default();
        Usage {
            input: uncached.saturating_add(cache_read).saturating_add(cache_write),
            output: self.output.unwrap_or_default(),
            cache_read,
            cache_write,
        }
    }
}

/// Reads an answer that came in one piece.
pub(in super::super) fn read(body: &[u8]) -> Result<Draft, ModelError> {
    let answer: Answer = parse(body)?;
    let reason = answer.stop_reason.as_deref().map(stop_reason);
    Ok(Draft { usage: answer.usage.usage(), reason, ..read_content(answer.content.get())? })
}

/// Reads the content blocks; where our form would lose something, their JSON is kept as it is.
pub(super) fn read_content(content: &str) -> Result<Draft, ModelError> {
    let mut draft = Draft::default();
    let mut is_lossy = false;
    for block in serde_json::from_str::<Vec<Block>>(content).map_err(|error| garbled(&error))? {
        match block.r#type.as_str() {
            "text" => {
                is_lossy |= block.citations.is_some();
                draft.text.push_str(&block.text.unwrap_or_default());
            }
            "tool_use" => draft.calls.push(ToolCall {
                id: block.id.unwrap_or_default(),
                name: block.name.unwrap_or_default(),
                arguments: block.input.map_or_else(String::new, |input| input.get().to_owned()),
            }),
            _ => is_lossy = true,
        }
    }
    draft.raw = is_lossy.then(|| content.to_owned());
    Ok(draft)
}

pub(super) fn stop_reason(word: &str) -> FinishReason {
    match word {
        "max_tokens" | "model_context_window_exceeded" => FinishReason::Length,
        "tool_use" => FinishReason::ToolCalls,
        "refusal" => FinishReason::ContentFilter,
        _ => FinishReason::Stop,
    }
}
