//! The body of a completion: read leniently, checked field by field.

use axum::http::StatusCode;
use commands::{NewRun, Policy};
use domain::chat::{ModelOptions, Provider};
use serde::Deserialize;
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{
    message::MessageBody,
    tool::{self, ToolBody},
};
use crate::problem::{FieldError, Problem};

/// Model calls of a run, where nothing is said.
const ITERATIONS: u8 = 5;

/// What to ask of a model. Fields that are not listed are ignored.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = ChatCompletionRequest)]
pub(super) struct CompletionBody {
    /// `anthropic`, `meta_llama` or `openai`; inferred from the model where nothing is said.
    provider: Option<String>,
    /// The model, in its provider's words.
    #[schema(example = "Llama-4-Maverick-17B-128E-Instruct-FP8")]
    model: Option<String>,
    /// The same.
    preferred_model: Option<String>,
    /// The new turns.
    messages: Vec<MessageBody>,
    tools: Option<Vec<ToolBody>>,
    /// `auto`, `none`, `required`, or one function.
    #[schema(value_type = Option<Object>)]
    tool_choice: Option<Value>,
    /// Built-in tools to offer beside `tools`.
    tool_subset: Option<Vec<String>>,
    /// The most model calls, 1 to 10.
    #[schema(minimum = 1, maximum = 10, default = 5)]
    max_iterations: Option<i64>,
    #[schema(minimum = 0, maximum = 2)]
    temperature: Option<f64>,
    #[schema(minimum = 0, maximum = 1)]
    top_p: Option<f64>,
    #[schema(minimum = 1)]
    max_tokens: Option<i64>,
    /// The same.
    #[schema(minimum = 1)]
    max_completion_tokens: Option<i64>,
    /// Where the answer stops: one text or up to four.
    #[schema(value_type = Option<Vec<String>>)]
    stop: Option<Stop>,
    #[schema(value_type = Option<Object>)]
    response_format: Option<Value>,
    /// How many answers; only one is given.
    #[schema(minimum = 1, maximum = 1)]
    n: Option<i64>,
    /// Whether to answer piece by piece.
    stream: Option<bool>,
    stream_options: Option<StreamOptions>,
    /// The conversation to go on with; a new one where there is none.
    session_id: Option<Uuid>,
}

/// How to stream.
#[derive(Debug, Default, Deserialize, ToSchema)]
struct StreamOptions {
    /// Whether a last chunk tells the tokens.
    include_usage: Option<bool>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged, expecting = "a text or a list of texts")]
enum Stop {
    One(String),
    Some(Vec<String>),
}

/// What is wrong with a body, part by part.
#[derive(Debug, Default)]
pub(super) struct Mistakes(Vec<FieldError>);

/// A completion that can be asked for.
#[derive(Debug)]
pub(super) struct Completion {
    pub run: NewRun,
    pub includes_usage: bool,
}

impl Mistakes {
    pub(super) fn add(&mut self, pointer: impl Into<String>, detail: impl Into<String>) {
        self.0.push(FieldError { pointer: pointer.into(), detail: detail.into() });
    }

    fn real(&mut self, pointer: &str, value: Option<f64>, most: f64) -> Option<f64> {
        if value.is_some_and(|value| !(0.0..=most).contains(&value)) {
            self.add(pointer, format!("must be from 0 to {most}"));
        }
        value
    }

    fn whole<T: TryFrom<i64>>(
        &mut self,
        pointer: &str,
        value: Option<i64>,
        most: i64,
    ) -> Option<T> {
        let value = value?;
        let read = T::try_from(value).ok().filter(|_| (1..=most).contains(&value));
        if read.is_none() {
            self.add(pointer, format!("must be from 1 to {most}"));
        }
        read
    }

    /// Refuses a body that has any.
    pub(super) fn none(self) -> Result<(), Problem> {
        if self.0.is_empty() {
            return Ok(());
        }
        let problem = Problem::fields(self.0);
        // The sentence that clients of the vendor know, when it is all there is to say.
        match problem.errors.first() {
            Some(only) if problem.errors.len() == 1 && only.detail.starts_with("Validation") => {
                let detail = only.detail.clone().into();
                Err(Problem { detail, ..problem })
            }
            _ => Err(problem),
        }
    }
}

impl CompletionBody {
    /// The completion, or all that is wrong with the body.
    pub(super) fn read(self, policy: &Policy) -> Result<Completion, Problem> {
        let mut mistakes = Mistakes::default();
        let named = self.provider.as_deref().map(provider).transpose()?;
        let model = self.model.as_deref().or(self.preferred_model.as_deref());
        let model = model.unwrap_or_default().trim().to_owned();
        if model.is_empty() || model.len() > 200 {
            mistakes.add("/model", "must be the name of a model");
        }
        mistakes.whole::<u8>("/n", self.n, 1);
        let is_streamed = self.stream.unwrap_or(false);
        let wanted = self.stream_options.as_ref().and_then(|options| options.include_usage);
        let (session, iterations) = (self.session_id, self.max_iterations);
        let (messages, options) = self.said(&mut mistakes);
        let max_iterations = mistakes.whole("/max_iterations", iterations, 10);
        mistakes.none()?;
        let run = NewRun {
            session,
            provider: named.unwrap_or_else(|| inferred(&model, &policy.providers)),
            model,
            messages,
            options,
            max_iterations: max_iterations.unwrap_or(ITERATIONS),
            is_streamed,
        };
        Ok(Completion { run, includes_usage: wanted.unwrap_or(false) })
    }

    fn said(self, mistakes: &mut Mistakes) -> (Vec<domain::chat::Message>, ModelOptions) {
        if self.messages.is_empty() {
            mistakes.add("/messages", "must not be empty");
        }
        let messages = self.messages.into_iter().enumerate();
        let messages = messages
            .filter_map(|(place, turn)| turn.read(&format!("/messages/{place}"), mistakes))
            .collect();
        let subset = self.tool_subset.unwrap_or_default();
        let tools = tool::tools(self.tools.unwrap_or_default(), subset, mistakes);
        let tool_choice = self.tool_choice.filter(|choice| !choice.is_null());
        let tool_choice = tool_choice.and_then(|it| tool::choice(&it, &tools, mistakes));
        let most = i64::from(u32::MAX);
        let older = mistakes.whole("/max_tokens", self.max_tokens, most);
        let newer = mistakes.whole("/max_completion_tokens", self.max_completion_tokens, most);
        let options = ModelOptions {
            tools,
            tool_choice,
            temperature: mistakes.real("/temperature", self.temperature, 2.0),
            top_p: mistakes.real("/top_p", self.top_p, 1.0),
            max_tokens: newer.or(older),
            stop: stops(self.stop, mistakes),
            response_format: format(self.response_format, mistakes),
        };
        (messages, options)
    }
}

fn provider(name: &str) -> Result<Provider, Problem> {
    match name.to_ascii_lowercase().as_str() {
        "anthropic" => Ok(Provider::Anthropic),
        "meta_llama" | "meta" | "llama" => Ok(Provider::MetaLlama),
        "openai" => Ok(Provider::OpenAi),
        _ => {
            let name: String = name.chars().filter(|c| !c.is_control()).take(64).collect();
            let detail = format!("Unsupported provider: {name}");
            Err(Problem::new(StatusCode::BAD_REQUEST, "unsupported_provider", detail))
        }
    }
}

/// Whose model it is; any server may serve any model in the `OpenAI` dialect.
fn inferred(model: &str, configured: &[Provider]) -> Provider {
    let own = Provider::of_model(model);
    if !configured.contains(&own) && configured.contains(&Provider::OpenAi) {
        return Provider::OpenAi;
    }
    own
}

fn stops(given: Option<Stop>, mistakes: &mut Mistakes) -> Vec<String> {
    let stops = match given {
        None => vec![],
        Some(Stop::One(stop)) => vec![stop],
        Some(Stop::Some(stops)) => stops,
    };
    if stops.len() > 4 || stops.iter().any(String::is_empty) {
        mistakes.add("/stop", "must be at most four texts, none of them empty");
    }
    stops
}

fn format(given: Option<Value>, mistakes: &mut Mistakes) -> Option<Value> {
    let given = given.filter(|format| !format.is_null())?;
    match given["type"].as_str() {
        Some("text" | "json_object") => Some(given),
        Some("json_schema") if given["json_schema"]["schema"].is_object() => Some(given),
        Some("json_schema") => {
            mistakes.add("/response_format/json_schema/schema", "must be a JSON Schema");
            None
        }
        _ => {
            let detail = "must be text, json_object or json_schema";
            mistakes.add("/response_format/type", detail);
            None
        }
    }
}

#[cfg(test)]
mod tests;
