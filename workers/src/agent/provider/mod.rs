//! Asking a model in its provider's dialect.

mod answer;
mod anthropic;
mod calls;
mod config;
mod dialect;
mod error;
mod history;
mod http;
mod llama;
mod openai;
mod providers;
mod retry;
mod stream;
#[cfg(test)]
mod tests;

use domain::chat::{FinishReason, Message, ModelOptions, Usage};

pub use config::ProviderConfig;
pub use error::{ModelError, ModelErrorKind};
pub use providers::Providers;

/// What a model is asked.
#[derive(Clone, Copy, Debug)]
pub struct ModelRequest<'a> {
    /// The model, in the provider's words.
    pub model: &'a str,
    /// The conversation so far.
    pub messages: &'a [Message],
    /// What is asked of the answer.
    pub options: &'a ModelOptions,
}

/// What a model answered.
#[derive(Clone, Debug, PartialEq)]
pub struct ModelAnswer {
    /// What it said and which tools it wants run.
    pub message: Message,
    /// What it counted.
    pub usage: Usage,
    /// Why it stopped.
    pub reason: FinishReason,
}

/// A piece of an answer that is still coming in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delta<'a> {
    /// The next words.
    Text(&'a str),
}

/// Who hears the pieces of an answer as they come in.
type OnDelta<'a> = dyn FnMut(Delta<'_>) + Send + 'a;
