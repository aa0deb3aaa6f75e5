//! How each reply goes out.

use std::{convert::Infallible, time::Duration};

use axum::{
    Json,
    body::Body,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use futures_util::{StreamExt, stream};
use serde_json::Value;

use super::{
    anthropic, llama, openai,
    reply::{Reply, Said},
};

/// How the client speaks.
#[derive(Clone, Copy)]
pub(super) enum Dialect {
    Anthropic,
    Llama,
    OpenAi,
}

/// A request that is being answered.
pub(super) struct Exchange {
    pub dialect: Dialect,
    pub request: Value,
}

impl Exchange {
    pub fn reply(&self, reply: &Reply) -> Response {
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
        // Without a pause the server would drop what it has not sent yet.
        let rest = stream::iter(rest).then(async |rest| {
            tokio::time::sleep(Duration::from_millis(50)).await;
            rest
        });
        let body = Body::from_stream(stream::iter(pieces).map(Ok).chain(rest));
        if self.is_streamed() {
            return event_stream(body);
        }
        ([(header::CONTENT_TYPE, "application/json")], body).into_response()
    }
}

fn event_stream(body: Body) -> Response {
    ([(header::CONTENT_TYPE, "text/event-stream")], body).into_response()
}
