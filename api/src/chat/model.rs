//! What can be asked: models, providers and tools.

use axum::extract::State;
use commands::{Caller, Policy};
use domain::{chat::Provider, tool::ALL};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    App,
    body::{Json, Path},
    envelope::{CallerProblems, Problems},
    health::Health,
    problem::Problem,
};

/// Models by provider. Any other name is passed on to the provider as it is.
const MODELS: [(Provider, &str); 5] = [
    (Provider::MetaLlama, "Llama-4-Maverick-17B-128E-Instruct-FP8"),
    (Provider::MetaLlama, "Llama-3.3-70B-Instruct"),
    (Provider::MetaLlama, "Llama-3.3-8B-Instruct"),
    (Provider::Anthropic, "claude-sonnet-4-5"),
    (Provider::Anthropic, "claude-opus-4"),
];
/// 2025-01-01, in place of dates that nobody tells.
const CREATED: i64 = 1_735_689_600;
const MAX_ITERATIONS: u8 = 10;

/// The routes of this file.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(models))
        .routes(routes!(model))
        .routes(routes!(info))
        .routes(routes!(health))
        .routes(routes!(tools))
}

/// Models.
#[derive(Serialize, ToSchema)]
struct Models {
    /// `list`.
    object: &'static str,
    data: Vec<Model>,
}

/// A model.
#[derive(Serialize, ToSchema)]
struct Model {
    id: String,
    /// `model`.
    object: &'static str,
    created: i64,
    owned_by: &'static str,
}

/// What can be asked.
#[derive(Serialize, ToSchema)]
struct Info {
    /// The providers that can be called.
    providers: Vec<&'static str>,
    models: Vec<&'static str>,
    tools: Vec<&'static str>,
    max_iterations: u8,
}

/// Whether models can be asked.
#[derive(Serialize, ToSchema)]
struct ChatHealth {
    status: Health,
    providers: Vec<&'static str>,
}

/// Tools.
#[derive(Serialize, ToSchema)]
struct Tools {
    tools: Vec<ToolAnswer>,
    total: usize,
}

/// A built-in tool.
#[derive(Serialize, ToSchema)]
struct ToolAnswer {
    name: &'static str,
    description: &'static str,
    #[schema(value_type = Object)]
    parameters: Value,
    /// `pure`, `idempotent` or `at_most_once`.
    effect: &'static str,
}

impl Model {
    fn new(provider: Provider, id: &str) -> Self {
        let owned_by = provider.name();
        Self { id: id.to_owned(), object: "model", created: CREATED, owned_by }
    }
}

/// Models that can be asked: by their own provider, or by a server of the `OpenAI` dialect, which
/// may serve any.
fn known(policy: &Policy) -> impl Iterator<Item = (Provider, &'static str)> {
    let providers = &policy.providers;
    MODELS.into_iter().filter(|(provider, _)| {
        providers.contains(provider) || providers.contains(&Provider::OpenAi)
    })
}

fn provider_names(policy: &Policy) -> Vec<&'static str> {
    policy.providers.iter().map(|provider| provider.name()).collect()
}

/// The models
#[utoipa::path(get, path = "/v1/models", tag = "chat",
    responses((status = 200, body = Models), CallerProblems, Problems))]
async fn models(State(app): State<App>, _caller: Caller) -> Json<Models> {
    let known = known(app.commands.policy());
    let data = known.map(|(provider, id)| Model::new(provider, id)).collect();
    Json(Models { object: "list", data })
}

/// A model
#[utoipa::path(get, path = "/v1/models/{*id}", tag = "chat",
    params(("id" = String, Path)),
    responses((status = 200, body = Model), CallerProblems, Problems))]
async fn model(
    State(app): State<App>,
    _caller: Caller,
    Path(id): Path<String>,
) -> Result<Json<Model>, Problem> {
    let found = known(app.commands.policy()).find(|(_, model)| *model == id);
    let (provider, id) = found.ok_or_else(|| Problem::missing("model"))?;
    Ok(Json(Model::new(provider, id)))
}

/// What can be asked
#[utoipa::path(get, path = "/v1/chat/info", tag = "chat",
    responses((status = 200, body = Info), CallerProblems, Problems))]
async fn info(State(app): State<App>, _caller: Caller) -> Json<Info> {
    let policy = app.commands.policy();
    Json(Info {
        providers: provider_names(policy),
        models: known(policy).map(|(_, id)| id).collect(),
        tools: ALL.iter().map(|tool| tool.name).collect(),
        max_iterations: MAX_ITERATIONS,
    })
}

/// Whether models can be asked
#[utoipa::path(get, path = "/v1/chat/health", operation_id = "chat_health", tag = "chat",
    security(()), responses((status = 200, body = ChatHealth)))]
async fn health(State(app): State<App>) -> Json<ChatHealth> {
    let providers = provider_names(app.commands.policy());
    let status = if providers.is_empty() { Health::Unhealthy } else { Health::Healthy };
    Json(ChatHealth { status, providers })
}

/// The built-in tools
#[utoipa::path(get, path = "/v1/tools", tag = "chat",
    responses((status = 200, body = Tools), CallerProblems, Problems))]
async fn tools(_caller: Caller) -> Json<Tools> {
    let tools: Vec<_> = ALL
        .iter()
        .map(|tool| ToolAnswer {
            name: tool.name,
            description: tool.description,
            parameters: serde_json::from_str(tool.parameters).unwrap_or_default(),
            effect: tool.effect.name(),
        })
        .collect();
    Json(Tools { total: tools.len(), tools })
}
