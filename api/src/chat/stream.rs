//! A run as server-sent events.

use std::{collections::VecDeque, convert::Infallible, time::Duration};

use axum::{
    http::{HeaderName, HeaderValue},
    response::{
        IntoResponse, Response, Sse,
        sse::{Event, KeepAlive},
    },
};
use futures_util::stream;
use serde_json::Value;

use super::{
    answer,
    chunk::Chunks,
    follow::{Ended, Follow, Progress},
};
use crate::problem::Problem;

/// How often a silent stream gives a sign of life.
const SIGN_OF_LIFE: Duration = Duration::from_secs(15);

/// A run on its way to the client.
pub(super) struct Streaming {
    pub follow: Follow,
    pub chunks: Chunks,
    waiting: VecDeque<Piece>,
    said: String,
    number: u64,
    is_over: bool,
}

enum Piece {
    Chunk(Value),
    Done,
}

impl Streaming {
    pub(super) fn new(follow: Follow, chunks: Chunks) -> Self {
        let waiting = VecDeque::from([Piece::Chunk(chunks.begin())]);
        Self { follow, chunks, waiting, said: String::new(), number: 0, is_over: false }
    }

    /// Answers once something happened: until then a failure has a status of its own.
    pub(super) async fn answer(mut self) -> Result<Response, Problem> {
        let first = self.follow.next().await?;
        self.take(first);
        let events = stream::unfold(self, |mut streaming| async move {
            let event = streaming.next().await?;
            Some((Ok::<_, Infallible>(event), streaming))
        });
        let keep_alive = KeepAlive::new().interval(SIGN_OF_LIFE);
        let mut response = Sse::new(events).keep_alive(keep_alive).into_response();
        let unbuffered = HeaderName::from_static("x-accel-buffering");
        response.headers_mut().insert(unbuffered, HeaderValue::from_static("no"));
        Ok(response)
    }

    async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some(piece) = self.waiting.pop_front() {
                self.number += 1;
                let data = match piece {
                    Piece::Chunk(chunk) => chunk.to_string(),
                    Piece::Done => "[DONE]".to_owned(),
                };
                return Some(Event::default().id(self.number.to_string()).data(data));
            }
            if self.is_over {
                return None;
            }
            match self.follow.next().await {
                Ok(progress) => self.take(progress),
                Err(problem) => self.fail(&problem),
            }
        }
    }

    fn take(&mut self, progress: Progress) {
        match progress {
            Progress::Text(text) => {
                self.said.push_str(&text);
                self.push(self.chunks.text(&text));
            }
            Progress::Tool(progress) => self.push(self.chunks.tool(&progress)),
            Progress::Ended(ended) => self.end(&ended),
        }
    }

    fn end(&mut self, ended: &Ended) {
        let run = &ended.run;
        let text = answer::text(run);
        let unheard = unheard(&self.said, &text);
        if !unheard.is_empty() {
            self.push(self.chunks.text(unheard));
        }
        let calls = answer::client_calls(run);
        if !calls.is_empty() {
            self.push(self.chunks.calls(&calls));
        }
        self.push(self.chunks.finish(run));
        if self.chunks.includes_usage {
            self.push(self.chunks.usage(run));
        }
        self.close();
    }

    fn fail(&mut self, problem: &Problem) {
        self.push(self.chunks.error(problem));
        self.close();
    }

    fn push(&mut self, chunk: Value) {
        self.waiting.push_back(Piece::Chunk(chunk));
    }

    fn close(&mut self) {
        self.waiting.push_back(Piece::Done);
        self.is_over = true;
    }
}

/// The rest of an answer of which pieces may have been missed.
fn unheard<'a>(said: &str, answer: &'a str) -> &'a str {
    let heard = answer
        .char_indices()
        .map(|(at, c)| at + c.len_utf8())
        .rev()
        .find(|end| said.ends_with(&answer[..*end]))
        .unwrap_or(0);
    &answer[heard..]
}

#[cfg(test)]
mod tests {
    use super::unheard;

    #[test]
    fn an_answer_is_completed_from_where_it_was_heard() {
        for (said, answer, rest) in [
            ("", "Hello", "Hello"),
            ("Hello", "Hello", ""),
            ("Hel", "Hello", "lo"),
            ("Let me look. Hel", "Hello", "lo"),
            ("Let me look.", "Grüße", "Grüße"),
            ("Grü", "Grüße", "ße"),
            ("", "", ""),
        ] {
            assert_eq!(unheard(said, answer), rest, "{said:?}");
        }
    }
}
