//! A client of the stream of notices.

use std::time::Duration;

use anyhow::{Context, bail};
use serde_json::Value;
use tests::Program;
use tokio::time::timeout;

use crate::person::Person;

const PATIENCE: Duration = Duration::from_secs(10);

/// An event of a stream.
pub struct Told {
    pub kind: String,
    pub id: String,
    pub data: Value,
}

/// A stream that is being read.
pub struct Following {
    answer: reqwest::Response,
    text: String,
}

impl Following {
    /// Follows from now on, or from an id on.
    pub async fn begin(
        program: &Program,
        person: &Person,
        last: Option<&str>,
    ) -> anyhow::Result<Self> {
        let mut request = person.asks(program.get("/v1/notifications/stream"));
        if let Some(last) = last {
            request = request.header("Last-Event-ID", last);
        }
        let answer = request.send().await?.error_for_status()?;
        Ok(Self { answer, text: String::new() })
    }

    /// The next event; an error where the stream ends first.
    pub async fn next(&mut self) -> anyhow::Result<Told> {
        timeout(PATIENCE, async {
            loop {
                if let Some(end) = self.text.find("\n\n") {
                    let event: String = self.text.drain(..end + 2).collect();
                    if let Some(told) = told(&event)? {
                        return Ok(told);
                    }
                    continue;
                }
                let Some(bytes) = self.answer.chunk().await? else { bail!("the stream ends") };
                self.text.push_str(std::str::from_utf8(&bytes)?);
            }
        })
        .await?
    }
}

/// Reads an event; none where it is only a sign of life.
fn told(event: &str) -> anyhow::Result<Option<Told>> {
    let field = |name: &str| event.lines().find_map(|line| line.strip_prefix(name));
    let Some(data) = field("data: ") else { return Ok(None) };
    Ok(Some(Told {
        kind: field("event: ").context("a kind")?.to_owned(),
        id: field("id: ").context("an id")?.to_owned(),
        data: serde_json::from_str(data)?,
    }))
}
