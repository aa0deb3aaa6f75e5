//! The scripted provider's routes.

use std::{sync::Arc, time::Duration};

use axum::{
    Json, Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, Uri},
    response::Response,
    routing::{get, post},
};
use serde_json::Value;

use super::{
    RecordedRequest, Stage,
    exchange::{Dialect, Exchange},
    lock,
    reply::Reply,
};

/// The three dialects, and two routes for tests in other languages.
pub(super) fn router(stage: Arc<Stage>) -> Router {
    let route = |dialect| {
        post(
            async move |State(stage): State<Arc<Stage>>,
                        uri: Uri,
                        headers: HeaderMap,
                        body: Bytes| {
                answer(dialect, &stage, record(&stage, &uri, &headers, &body)).await
            },
        )
    };
    Router::new()
        .route("/v1/messages", route(Dialect::Anthropic))
        .route("/v1/chat/completions", route(Dialect::OpenAi))
        .route("/llama/v1/chat/completions", route(Dialect::Llama))
        .route("/script", post(script))
        .route("/journal", get(journal))
        .with_state(stage)
}

async fn script(State(stage): State<Arc<Stage>>, Json(replies): Json<Vec<Reply>>) {
    lock(&stage.replies).extend(replies);
}

async fn journal(State(stage): State<Arc<Stage>>) -> Json<Vec<RecordedRequest>> {
    Json(lock(&stage.journal).clone())
}

fn record(stage: &Stage, uri: &Uri, headers: &HeaderMap, body: &[u8]) -> Value {
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    let headers = headers.iter().map(|(name, value)| {
        (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned())
    });
    let headers = headers.collect();
    let request = RecordedRequest { path: uri.path().to_owned(), headers, body: body.clone() };
    lock(&stage.journal).push(request);
    body
}

async fn answer(dialect: Dialect, stage: &Stage, request: Value) -> Response {
    let scripted = lock(&stage.replies).pop_front();
    let mut reply = scripted.or_else(|| lock(&stage.otherwise).clone());
    while let Some(Reply::After { milliseconds, reply: next }) = reply {
        tokio::time::sleep(Duration::from_millis(milliseconds)).await;
        reply = Some(*next);
    }
    let exchange = Exchange { dialect, request };
    match reply {
        Some(reply) => exchange.reply(&reply),
        None => exchange.reply(&Reply::Status {
            code: 400,
            retry_after: None,
            body: Value::from("nothing is scripted"),
        }),
    }
}
