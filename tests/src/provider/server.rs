//! The scripted provider's routes, and how each reply goes out.

use std::{convert::Infallible, sync::Arc, time::Duration};

use axum::{
    Json, Router,
    body::{Body, Bytes},
    extract::State,
    http::{HeaderMap, StatusCode, Uri, header},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use futures_util::{StreamExt, stream};
use serde_json::Value;

use super::{
    RecordedRequest, Stage, anthropic, llama, lock, openai,
    reply::{Reply, Said},
};

#[derive(Clone, Copy)]
enum Dialect {
    Anthropic,
    Llama,
    OpenAi,
}

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
        None => exchange.status(400, None, Value::from("nothing is scripted")),
    }
}

/// A request that is being answered.
struct Exchange {
    dialect: Dialect,
    request: Value,
}

impl Exchange {
    fn reply(&self, reply: &Reply) -> Response {
        match reply {
            Reply::Text(text) => self.say(&Said::text(text), 0),
            Reply::Echo => self.say(&Said::text(&self.last_words()), 0),
            Reply::ToolCalls(calls) => self.say(&Said::default().calling(calls), 0),
            Reply::Both(text, calls) => self.say(&Said::text(text).calling(calls), 0),
            Reply::Thought { thinking, signature, calls } => {
                let thought = Some((thinking.clone(), signature.clone()));
                self.say(&Said { thought, ..Said::default() }.calling(calls), 0)
            }
            Reply::CutShort(text) => self.say(&Said { is_cut_short: true, ..Said::text(text) }, 0),
            Reply::Paced { milliseconds, text } => self.say(&Said::text(text), *milliseconds),
            Reply::Status { code, retry_after, body } => {
                self.status(*code, retry_after.as_deref(), body.clone())
            }
            Reply::Garbage(text) => {
                ([(header::CONTENT_TYPE, "text/html")], text.clone()).into_response()
            }
            // Ends the task that serves the connection, and thereby the connection.
            Reply::HangUp => std::panic::resume_unwind(Box::new("scripted to hang up")),
            Reply::Truncated(text) => self.half(text, None),
            Reply::BreaksOff(text) => self.half(text, Some(Err(std::io::Error::other("scripted")))),
            Reply::FailsMidway(text) => match self.midway() {
                Some(error) => self.half(text, Some(Ok(error))),
                None => self.status(529, None, Value::Null),
            },
            Reply::After { reply, .. } => self.reply(reply),
        }
    }

    fn is_streamed(&self) -> bool {
        self.request["stream"] == true
    }

    fn last_words(&self) -> String {
        let last = self.request["messages"].as_array().and_then(|turns| turns.last());
        match last.map(|turn| &turn["content"]) {
            Some(Value::String(text)) => text.clone(),
            Some(content) => content[0]["text"].as_str().unwrap_or_default().to_owned(),
            None => String::new(),
        }
    }

    fn status(&self, code: u16, retry_after: Option<&str>, body: Value) -> Response {
        let body = match (body, self.dialect) {
            (Value::Null, Dialect::Anthropic) => anthropic::error(code),
            (Value::Null, Dialect::Llama) => llama::error(code),
            (Value::Null, Dialect::OpenAi) => openai::error(code),
            (body, Dialect::Anthropic | Dialect::Llama | Dialect::OpenAi) => body,
        };
        let status = StatusCode::from_u16(code).unwrap_or(StatusCode::IM_A_TEAPOT);
        let mut response = (status, Json(body)).into_response();
        if let Some(value) = retry_after.and_then(|text| text.parse().ok()) {
            response.headers_mut().insert(header::RETRY_AFTER, value);
        }
        response
    }

    fn say(&self, said: &Said, pause: u64) -> Response {
        if !self.is_streamed() {
            return Json(self.whole(said)).into_response();
        }
        let frames = stream::iter(self.frames(said)).then(move |frame| async move {
            if pause > 0 {
                tokio::time::sleep(Duration::from_millis(pause)).await;
            }
            Ok::<_, Infallible>(frame)
        });
        event_stream(Body::from_stream(frames))
    }

    fn whole(&self, said: &Said) -> Value {
        let model = &self.request["model"];
        match self.dialect {
            Dialect::Anthropic => anthropic::whole(said, model),
            Dialect::Llama => llama::whole(said),
            Dialect::OpenAi => openai::whole(said, model.as_str().unwrap_or_default()),
        }
    }

    fn frames(&self, said: &Said) -> Vec<String> {
        match self.dialect {
            Dialect::Anthropic => anthropic::stream(said, &self.request["model"]),
            Dialect::Llama => llama::stream(said),
            Dialect::OpenAi => openai::stream(said, &self.request),
        }
    }

    fn midway(&self) -> Option<String> {
        self.is_streamed().then(|| match self.dialect {
            Dialect::Anthropic => anthropic::midway(),
            Dialect::Llama => llama::midway(),
            Dialect::OpenAi => openai::midway(),
        })
    }

    /// Half of an answer, and what comes in place of the other half.
    fn half(&self, text: &str, rest: Option<std::io::Result<String>>) -> Response {
        let said = Said::text(text);
        let mut pieces = if self.is_streamed() {
            self.frames(&said)
        } else {
            self.whole(&said).to_string().split_inclusive(',').map(str::to_owned).collect()
        };
        pieces.truncate(pieces.len() / 2);
        let body = Body::from_stream(stream::iter(pieces.into_iter().map(Ok).chain(rest)));
        if self.is_streamed() {
            return event_stream(body);
        }
        ([(header::CONTENT_TYPE, "application/json")], body).into_response()
    }
}

fn event_stream(body: Body) -> Response {
    ([(header::CONTENT_TYPE, "text/event-stream")], body).into_response()
}
