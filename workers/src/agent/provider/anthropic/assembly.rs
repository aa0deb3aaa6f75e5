//! An answer in Anthropic's form that is put together from the events of a stream.

use std::{collections::BTreeMap, ops::ControlFlow};

use domain::chat::FinishReason;
use eventsource_stream::Event;
use serde::{Deserialize, Serialize};
use serde_json::{
    Value,
    value::{RawValue, to_raw_value},
};

use super::{
    super::{
        Delta, ModelError, OnDelta,
        answer::Draft,
        dialect::{cut_off, garbled, parse},
    },
    answer::{Counts, read_content, stop_reason},
};

type Fields = BTreeMap<String, Box<RawValue>>;

#[derive(Deserialize)]
struct Payload {
    r#type: String,
    index: Option<u64>,
    content_block: Option<Fields>,
    delta: Option<Piece>,
    message: Option<Message>,
    usage: Option<Counts>,
    error: Option<Value>,
}

#[derive(Deserialize)]
struct Message {
    #[serde(default)]
    usage: Counts,
}

#[derive(Deserialize)]
struct Piece {
    text: Option<String>,
    thinking: Option<String>,
    signature: Option<String>,
    partial_json: Option<String>,
    citation: Option<Box<RawValue>>,
    stop_reason: Option<String>,
}

/// A content block: what it began with, and what came after.
#[derive(Default)]
struct Block {
    fields: Fields,
    text: String,
    thinking: String,
    input: String,
    citations: Vec<Box<RawValue>>,
}

/// An answer that is coming in.
#[derive(Default)]
pub(in super::super) struct Assembly {
    blocks: BTreeMap<u64, Block>,
    counts: Counts,
    reason: Option<FinishReason>,
    has_stopped: bool,
}

impl Assembly {
    pub fn take(
        &mut self,
        event: &Event,
        on_delta: &mut OnDelta<'_>,
    ) -> Result<ControlFlow<()>, ModelError> {
        let payload: Payload = parse(event.data.as_bytes())?;
        match payload.r#type.as_str() {
            "message_start" => self.count(payload.message.map(|message| message.usage)),
            "content_block_start" => self.begin(payload, on_delta)?,
            "content_block_delta" => self.go_on(payload, on_delta)?,
            "message_delta" => {
                self.count(payload.usage);
                let reason = payload.delta.and_then(|delta| delta.stop_reason);
                self.reason = reason.as_deref().map(stop_reason).or(self.reason);
            }
            "message_stop" => {
                self.has_stopped = true;
                return Ok(ControlFlow::Break(()));
            }
            "error" => return Err(ModelError::in_answer(&payload.error.unwrap_or_default())),
            _ => {}
        }
        Ok(ControlFlow::Continue(()))
    }

    fn count(&mut self, counts: Option<Counts>) {
        self.counts = self.counts.replaced_by(counts.unwrap_or_default());
    }

    fn begin(&mut self, payload: Payload, on_delta: &mut OnDelta<'_>) -> Result<(), ModelError> {
        let (Some(index), Some(fields)) = (payload.index, payload.content_block) else {
            return Err(ModelError::garbled("a content block begins without content"));
        };
        let text = first(&fields, "text");
        if !text.is_empty() {
            on_delta(Delta::Text(&text));
        }
        self.blocks.insert(index, Block { fields, ..Block::default() });
        Ok(())
    }

    fn go_on(&mut self, payload: Payload, on_delta: &mut OnDelta<'_>) -> Result<(), ModelError> {
        let block = payload.index.and_then(|index| self.blocks.get_mut(&index));
        let (Some(block), Some(piece)) = (block, payload.delta) else {
            return Err(ModelError::garbled("a content block goes on that did not begin"));
        };
        if let Some(text) = piece.text {
            on_delta(Delta::Text(&text));
            block.text.push_str(&text);
        }
        block.thinking.push_str(&piece.thinking.unwrap_or_default());
        block.input.push_str(&piece.partial_json.unwrap_or_default());
        block.citations.extend(piece.citation);
        if let Some(signature) = piece.signature {
            set(&mut block.fields, "signature", &signature)?;
        }
        Ok(())
    }

    pub fn finish(self) -> Result<Draft, ModelError> {
        if !self.has_stopped {
            return Err(cut_off());
        }
        let was_cut_short = self.reason == Some(FinishReason::Length);
        let mut blocks = Vec::with_capacity(self.blocks.len());
        for block in self.blocks.into_values() {
            if !was_cut_short || block.has_sound_input() {
                blocks.push(block.into_fields()?);
            }
        }
        let content = to_raw_value(&blocks).map_err(|error| garbled(&error))?;
        let (usage, reason) = (self.counts.usage(), self.reason);
        Ok(Draft { usage, reason, ..read_content(content.get())? })
    }
}

impl Block {
    fn has_sound_input(&self) -> bool {
        self.input.is_empty() || serde_json::from_str::<&RawValue>(&self.input).is_ok()
    }

    fn into_fields(self) -> Result<Fields, ModelError> {
        let Self { mut fields, text, thinking, input, citations } = self;
        append(&mut fields, "text", &text)?;
        append(&mut fields, "thinking", &thinking)?;
        if !citations.is_empty() {
            set(&mut fields, "citations", &citations)?;
        }
        if !input.is_empty() {
            let input = RawValue::from_string(input).map_err(|error| garbled(&error))?;
            fields.insert("input".to_owned(), input);
        }
        Ok(fields)
    }
}

fn append(fields: &mut Fields, name: &str, more: &str) -> Result<(), ModelError> {
    if more.is_empty() { Ok(()) } else { set(fields, name, &(first(fields, name) + more)) }
}

fn first(fields: &Fields, name: &str) -> String {
    let first = fields.get(name);
    first.and_then(|first| serde_json::from_str(first.get()).ok()).unwrap_or_default()
}

fn set(fields: &mut Fields, name: &str, value: &impl Serialize) -> Result<(), ModelError> {
    let value = to_raw_value(value).map_err(|error| garbled(&error))?;
    fields.insert(name.to_owned(), value);
    Ok(())
}
