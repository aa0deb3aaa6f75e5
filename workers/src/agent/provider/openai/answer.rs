//! An answer in OpenAI's form: whole, or in chunks of much the same form.

use std::ops::ControlFlow;

use domain::chat::{FinishReason, Usage};
use eventsource_stream::Event;
use serde::Deserialize;
use serde_json::Value;

use super::super::{
    Delta, ModelError, OnDelta,
    answer::{Draft, arguments_of, text_of},
    calls::{Calls, Piece},
    dialect::{cut_off, parse},
};

#[derive(Deserialize)]
struct Chunk {
    #[serde(default)]
    choices: Vec<Choice>,
    usage: Option<Counts>,
    error: Option<Value>,
}

#[derive(Deserialize)]
struct Choice {
    #[serde(default)]
    index: u64,
    message: Option<Said>,
    delta: Option<Said>,
    finish_reason: Option<String>,
}

#[derive(Deserialize)]
struct Said {
    #[serde(default)]
    content: Value,
    refusal: Option<String>,
    tool_calls: Option<Vec<CallPiece>>,
}

/// A tool call or a piece of one, also in Llama's form.
#[derive(Deserialize)]
pub(in super::super) struct CallPiece {
    index: Option<u64>,
    id: Option<String>,
    function: Option<Function>,
}

#[derive(Deserialize)]
struct Function {
    name: Option<String>,
    #[serde(default)]
    arguments: Value,
}

#[derive(Deserialize)]
struct Counts {
    prompt_tokens: Option<u64>,
    completion_tokens: Option<u64>,
    prompt_tokens_details: Option<PromptDetails>,
}

#[derive(Deserialize)]
struct PromptDetails {
    cached_tokens: Option<u64>,
    cache_write_tokens: Option<u64>,
}

impl CallPiece {
    /// Adds the piece; in a whole answer `place` keeps calls apart that have no ids.
    pub fn add_to(&self, calls: &mut Calls, place: Option<usize>) -> Result<(), ModelError> {
        let function = self.function.as_ref();
        calls.add(&Piece {
            index: place.and_then(|place| u64::try_from(place).ok()).or(self.index),
            id: self.id.as_deref().unwrap_or_default(),
            name: function.and_then(|function| function.name.as_deref()).unwrap_or_default(),
            arguments: &function
                .map_or_else(String::new, |function| arguments_of(&function.arguments)),
        })
    }
}

impl Counts {
    fn usage(&self) -> Usage {
        let details = self.prompt_tokens_details.as_ref();
        Usage {
            input: self.prompt_tokens.unwrap_or_default(),
            output: self.completion_tokens.unwrap_or_default(),
            cache_read: details.and_then(|details| details.cached_tokens).unwrap_or_default(),
            cache_write: details.and_then(|details| details.cache_write_tokens).unwrap_or_default(),
        }
    }
}

/// Reads an answer that came in one piece.
pub(in super::super) fn read(body: &[u8]) -> Result<Draft, ModelError> {
    let chunk: Chunk = parse(body)?;
    let has_answer = chunk.choices.iter().any(|choice| choice.message.is_some());
    let mut assembly = Assembly::default();
    assembly.add(chunk, &mut |_| {})?;
    if has_answer { Ok(assembly.draft()) } else { Err(ModelError::garbled("it holds no answer")) }
}

/// An answer that is coming in.
#[derive(Default)]
pub(in super::super) struct Assembly {
    text: String,
    calls: Calls,
    usage: Usage,
    reason: Option<FinishReason>,
    is_done: bool,
}

impl Assembly {
    pub fn take(
        &mut self,
        event: &Event,
        on_delta: &mut OnDelta<'_>,
    ) -> Result<ControlFlow<()>, ModelError> {
        if event.data.trim() == "[DONE]" {
            self.is_done = true;
            return Ok(ControlFlow::Break(()));
        }
        self.add(parse(event.data.as_bytes())?, on_delta)?;
        Ok(ControlFlow::Continue(()))
    }

    fn add(&mut self, chunk: Chunk, on_delta: &mut OnDelta<'_>) -> Result<(), ModelError> {
        if let Some(error) = chunk.error {
            return Err(ModelError::in_answer(&error));
        }
        if let Some(counts) = chunk.usage {
            self.usage = counts.usage();
        }
        for choice in chunk.choices.into_iter().filter(|choice| choice.index == 0) {
            let is_whole = choice.message.is_some();
            if let Some(said) = choice.message.or(choice.delta) {
                self.hear(&said, is_whole, on_delta)?;
            }
            if let Some(reason) = choice.finish_reason {
                self.reason = Some(finish_reason(&reason));
            }
        }
        Ok(())
    }

    fn hear(
        &mut self,
        said: &Said,
        is_whole: bool,
        on_delta: &mut OnDelta<'_>,
    ) -> Result<(), ModelError> {
        let text = text_of(&said.content) + said.refusal.as_deref().unwrap_or_default();
        if !text.is_empty() {
            on_delta(Delta::Text(&text));
            self.text.push_str(&text);
        }
        for (place, piece) in said.tool_calls.iter().flatten().enumerate() {
            piece.add_to(&mut self.calls, is_whole.then_some(place))?;
        }
        Ok(())
    }

    /// Some servers leave out the mark of the end, but none the reason.
    pub fn finish(self) -> Result<Draft, ModelError> {
        if self.is_done || self.reason.is_some() { Ok(self.draft()) } else { Err(cut_off()) }
    }

    fn draft(self) -> Draft {
        Draft {
            text: self.text,
            calls: self.calls.into_calls(),
            raw: None,
            usage: self.usage,
            reason: self.reason,
        }
    }
}

fn finish_reason(word: &str) -> FinishReason {
    match word {
        "length" => FinishReason::Length,
        "tool_calls" | "function_call" => FinishReason::ToolCalls,
        "content_filter" => FinishReason::ContentFilter,
        _ => FinishReason::Stop,
    }
}
