//! Meta's Llama API in its native form.

use std::ops::ControlFlow;

use domain::chat::{FinishReason, ToolCall, Usage};
use eventsource_stream::Event;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{
    Delta, ModelError, ModelRequest, OnDelta,
    answer::{Draft, text_of},
    calls::Calls,
    dialect::{cut_off, parse},
    openai::{self, CallPiece},
};

/// The body of a request; what the native form does not know is left out.
pub(super) fn write(request: &ModelRequest<'_>, stream: bool) -> Value {
    let options = request.options;
    let mut body = Map::new();
    body.insert("model".into(), request.model.into());
    body.insert("messages".into(), openai::messages(request.messages, native_call));
    if !options.tools.is_empty() {
        body.insert("tools".into(), options.tools.iter().map(openai::function).collect());
        let choice = options.tool_choice.as_ref().filter(|choice| is_native_choice(choice));
        body.extend(choice.map(|choice| ("tool_choice".into(), choice.clone())));
    }
    let format = options.response_format.as_ref().filter(|format| format["type"] != "json_object");
    let optional = [
        ("temperature", options.temperature.map(|temperature| temperature.min(1.0).into())),
        ("top_p", options.top_p.map(Value::from)),
        ("max_completion_tokens", options.max_tokens.map(|most| most.max(1).into())),
        ("response_format", format.cloned()),
        ("stream", stream.then_some(Value::Bool(true))),
    ];
    body.extend(optional.into_iter().filter_map(|(name, value)| Some((name.into(), value?))));
    Value::Object(body)
}

fn native_call(call: &ToolCall) -> Value {
    json!({"id": call.id, "function": {"name": call.name, "arguments": call.arguments}})
}

fn is_native_choice(choice: &Value) -> bool {
    choice.is_string() || choice["type"] == "function"
}

#[derive(Deserialize)]
struct Answer {
    completion_message: Said,
    #[serde(default)]
    metrics: Vec<Metric>,
}

#[derive(Deserialize)]
struct Said {
    #[serde(default)]
    content: Value,
    stop_reason: Option<String>,
    tool_calls: Option<Vec<CallPiece>>,
}

#[derive(Deserialize)]
struct Metric {
    metric: String,
    value: f64,
}

#[derive(Deserialize)]
struct Chunk {
    event: Option<ChunkEvent>,
    error: Option<Value>,
}

#[derive(Deserialize)]
struct ChunkEvent {
    event_type: String,
    delta: Option<Value>,
    metrics: Option<Vec<Metric>>,
    stop_reason: Option<String>,
}

/// Reads an answer that came in one piece.
pub(super) fn read(body: &[u8]) -> Result<Draft, ModelError> {
    let Answer { completion_message: said, metrics } = parse(body)?;
    let mut calls = Calls::default();
    for (place, piece) in said.tool_calls.iter().flatten().enumerate() {
        piece.add_to(&mut calls, Some(place))?;
    }
    Ok(Draft {
        text: text_of(&said.content),
        calls: calls.into_calls(),
        raw: None,
        usage: usage(&metrics),
        reason: said.stop_reason.as_deref().map(finish_reason),
    })
}

/// An answer that is coming in.
#[derive(Default)]
pub(super) struct Assembly {
    text: String,
    calls: Calls,
    usage: Usage,
    reason: Option<FinishReason>,
    is_complete: bool,
}

impl Assembly {
    /// The counts come after the answer is complete, and end the stream.
    pub fn take(
        &mut self,
        event: &Event,
        on_delta: &mut OnDelta<'_>,
    ) -> Result<ControlFlow<()>, ModelError> {
        if event.data.trim() == "[DONE]" {
            return Ok(ControlFlow::Break(()));
        }
        let chunk: Chunk = parse(event.data.as_bytes())?;
        if let Some(error) = &chunk.error {
            return Err(ModelError::in_answer(error));
        }
        if event.event == "error" {
            return Err(ModelError::unavailable(""));
        }
        let Some(event) = chunk.event else { return Ok(ControlFlow::Continue(())) };
        if let Some(delta) = event.delta {
            self.hear(&delta, on_delta)?;
        }
        if let Some(reason) = &event.stop_reason {
            self.reason = Some(finish_reason(reason));
        }
        self.is_complete |= event.event_type == "complete";
        let Some(metrics) = event.metrics else { return Ok(ControlFlow::Continue(())) };
        self.usage = usage(&metrics);
        Ok(if self.is_complete { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
    }

    fn hear(&mut self, delta: &Value, on_delta: &mut OnDelta<'_>) -> Result<(), ModelError> {
        if delta["type"] == "tool_call" {
            return CallPiece::deserialize(delta)
                .map_err(|_| cut_off())?
                .add_to(&mut self.calls, None);
        }
        let text = text_of(delta);
        if !text.is_empty() {
            on_delta(Delta::Text(&text));
            self.text.push_str(&text);
        }
        Ok(())
    }

    pub fn finish(self) -> Result<Draft, ModelError> {
        if !self.is_complete {
            return Err(cut_off());
        }
        Ok(Draft {
            text: self.text,
            calls: self.calls.into_calls(),
            raw: None,
            usage: self.usage,
            reason: self.reason,
        })
    }
}

fn finish_reason(word: &str) -> FinishReason {
    match word {
        "length" => FinishReason::Length,
        "tool_calls" => FinishReason::ToolCalls,
        _ => FinishReason::Stop,
    }
}

fn usage(metrics: &[Metric]) -> Usage {
    let count = |name| metrics.iter().find(|metric| metric.metric == name).map_or(0, tokens);
    Usage {
        input: count("num_prompt_tokens"),
        output: count("num_completion_tokens"),
        ..Usage::default()
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a cast saturates")]
fn tokens(metric: &Metric) -> u64 {
    metric.value as u64
}
