//! The three dialects behind one face.

use std::ops::ControlFlow;

use domain::chat::Provider;
use eventsource_stream::Event;
use serde::de::DeserializeOwned;

use super::{
    ModelAnswer, ModelError, ModelErrorKind, ModelRequest, OnDelta, anthropic, llama, openai,
};

/// How a provider is spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dialect {
    /// Newer models take no sampling parameters.
    Anthropic {
        takes_sampling: bool,
    },
    Llama,
    OpenAi,
}

impl Dialect {
    pub const fn provider(self) -> Provider {
        match self {
            Self::Anthropic { .. } => Provider::Anthropic,
            Self::Llama => Provider::MetaLlama,
            Self::OpenAi => Provider::OpenAi,
        }
    }

    /// The body of the request.
    pub fn write(self, request: &ModelRequest<'_>, stream: bool) -> Result<String, ModelError> {
        match self {
            Self::Anthropic { takes_sampling } => anthropic::write(request, stream, takes_sampling)
                .map_err(|error| {
                    ModelError::new(
                        ModelErrorKind::Refused,
                        &format!("it cannot be written: {error}"),
                    )
                }),
            Self::Llama => Ok(llama::write(request, stream).to_string()),
            Self::OpenAi => Ok(openai::write(request, stream).to_string()),
        }
    }

    /// The answer that came in one piece.
    pub fn read(self, body: &[u8]) -> Result<ModelAnswer, ModelError> {
        let draft = match self {
            Self::Anthropic { .. } => anthropic::read(body),
            Self::Llama => llama::read(body),
            Self::OpenAi => openai::read(body),
        };
        draft?.settle()
    }

    /// What takes the events of an answer that comes in pieces.
    pub fn assembly(self) -> Assembly {
        match self {
            Self::Anthropic { .. } => Assembly::Anthropic(anthropic::Assembly::default()),
            Self::Llama => Assembly::Llama(llama::Assembly::default()),
            Self::OpenAi => Assembly::OpenAi(openai::Assembly::default()),
        }
    }
}

/// An answer that is coming in.
pub(super) enum Assembly {
    Anthropic(anthropic::Assembly),
    Llama(llama::Assembly),
    OpenAi(openai::Assembly),
}

impl Assembly {
    /// Takes the next event; breaks after the last.
    pub fn take(
        &mut self,
        event: &Event,
        on_delta: &mut OnDelta<'_>,
    ) -> Result<ControlFlow<()>, ModelError> {
        match self {
            Self::Anthropic(assembly) => assembly.take(event, on_delta),
            Self::Llama(assembly) => assembly.take(event, on_delta),
            Self::OpenAi(assembly) => assembly.take(event, on_delta),
        }
    }

    /// The answer, unless the stream ended before it did.
    pub fn finish(self) -> Result<ModelAnswer, ModelError> {
        let draft = match self {
            Self::Anthropic(assembly) => assembly.finish(),
            Self::Llama(assembly) => assembly.finish(),
            Self::OpenAi(assembly) => assembly.finish(),
        };
        draft?.settle()
    }
}

/// Reads JSON of an answer; the provider's words are kept out of the error.
pub(super) fn parse<T: DeserializeOwned>(json: &[u8]) -> Result<T, ModelError> {
    serde_json::from_slice(json).map_err(|error| garbled(&error))
}

pub(super) fn garbled(error: &serde_json::Error) -> ModelError {
    // The error itself may quote the answer.
    let (kind, line, column) = (error.classify(), error.line(), error.column());
    tracing::warn!(?kind, line, column, "a provider's answer cannot be read");
    ModelError::garbled("it cannot be read")
}

pub(super) fn cut_off() -> ModelError {
    ModelError::garbled("it ended too early")
}
