//! Events for people who may see everything: as JSON, with personal data opened.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use domain::{Event, Personal, Seal, with_seal};
use serde::Serialize;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{Circumstances, EventLog, Position, RawEvent, Reason, Recorded};

/// An event for people who may see everything.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RevealedEvent {
    /// Its place in the log.
    pub position: Position,
    /// Its stream.
    pub stream: Uuid,
    /// Its place in the stream, from 1.
    pub version: i64,
    /// When it was committed.
    pub recorded_at: DateTime<Utc>,
    /// The command that caused it.
    pub command: Uuid,
    /// Its stored name.
    pub r#type: String,
    /// Who, about whom, why, from where, as part of what.
    pub meta: RevealedMeta,
    /// What happened; `{"erased": true}` stands for what was erased.
    pub data: Value,
    /// Why it is shown as it is stored, if it cannot be decoded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
}

/// Who, about whom, why, from where, as part of what.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct RevealedMeta {
    actor: Option<Uuid>,
    subject: Option<Uuid>,
    credential: Option<Uuid>,
    address: Value,
    reason: Value,
    correlation: Option<Uuid>,
    causation: Option<Position>,
    traceparent: Option<String>,
}

/// Closes nothing, and marks what was personal so that it can be put in its place.
struct Glass(String);

impl Seal for Glass {
    fn seal(&self, clear: &[u8], _context: &[u8]) -> Result<String, String> {
        let clear = str::from_utf8(clear).map_err(|error| error.to_string())?;
        Ok(format!("{}{clear}", self.0))
    }

    fn open(&self, _sealed: &str, _context: &[u8]) -> Result<Option<Vec<u8>>, String> {
        Err("nothing is read here".to_owned())
    }

    fn erased(&self) -> Option<String> {
        Some(format!("{}{}", self.0, erased()))
    }
}

impl EventLog {
    /// Opens events for people who may see everything; what cannot be decoded is shown as it is stored.
    pub async fn reveal(&self, events: Vec<RawEvent>) -> anyhow::Result<Vec<RevealedEvent>> {
        let Ok(recorded) = self.decode(events.clone()).await else {
            return self.reveal_one_by_one(events).await;
        };
        let metas: Vec<_> = recorded.iter().map(|event| &event.meta).collect();
        let opened = self.circumstances(&metas).await?;
        recorded.into_iter().zip(opened).map(|(event, meta)| Ok(revealed(event, meta)?)).collect()
    }

    async fn reveal_one_by_one(&self, events: Vec<RawEvent>) -> anyhow::Result<Vec<RevealedEvent>> {
        // A database that is away is no fault of an event.
        self.head().await?;
        let mut shown = Vec::with_capacity(events.len());
        for event in events {
            shown.push(match self.reveal_one(event.clone()).await {
                Ok(revealed) => revealed,
                Err(error) => as_stored(&event, &error),
            });
        }
        Ok(shown)
    }

    async fn reveal_one(&self, event: RawEvent) -> anyhow::Result<RevealedEvent> {
        let mut recorded = self.decode(vec![event]).await?;
        let event = recorded.remove(0);
        let mut opened = self.circumstances(&[&event.meta]).await?;
        Ok(revealed(event, opened.remove(0))?)
    }
}

fn revealed(event: Recorded, opened: Circumstances) -> serde_json::Result<RevealedEvent> {
    let Recorded { position, stream, version, recorded_at, command, name, meta, event } = event;
    let reason = match meta.reason {
        Some(Reason::UseCase(word)) => Value::from(word.into_owned()),
        Some(Reason::Said(_)) | None => shown(opened.reason),
    };
    Ok(RevealedEvent {
        position,
        stream,
        version,
        recorded_at,
        command,
        r#type: name.to_string(),
        meta: RevealedMeta {
            actor: meta.actor,
            subject: meta.subject,
            credential: meta.credential,
            address: shown(opened.address),
            reason,
            correlation: meta.correlation,
            causation: meta.causation,
            traceparent: meta.traceparent,
        },
        data: content(&event)?,
        problem: None,
    })
}

fn as_stored(event: &RawEvent, error: &anyhow::Error) -> RevealedEvent {
    let json = |bytes: &[u8]| -> Value {
        serde_json::from_slice(bytes).unwrap_or_else(|_| String::from_utf8_lossy(bytes).into())
    };
    RevealedEvent {
        position: event.position,
        stream: event.stream,
        version: event.version,
        recorded_at: event.recorded_at,
        command: event.command,
        r#type: event.name.to_string(),
        meta: RevealedMeta::default(),
        data: json!({ "payload": json(&event.payload), "meta": json(&event.meta) }),
        problem: Some(format!("{error:#}")),
    }
}

fn shown(text: Option<Personal<String>>) -> Value {
    match text {
        Some(Personal::Known(text)) => text.into(),
        Some(Personal::Erased) => erased(),
        None => Value::Null,
    }
}

fn erased() -> Value {
    json!({ "erased": true })
}

/// What stands behind the name of an event, with what is personal in clear.
fn content(event: &Event) -> serde_json::Result<Value> {
    let mark = Uuid::new_v4().to_string();
    let glass = Arc::new(Glass(mark.clone()));
    let mut json = with_seal(glass, Uuid::nil(), || serde_json::to_value(event))?;
    unveil(&mut json, &mark);
    let Value::Object(named) = json else { return Ok(json) };
    Ok(named.into_iter().next().map_or(Value::Null, |(_, content)| content))
}

fn unveil(json: &mut Value, mark: &str) {
    match json {
        Value::String(text) => {
            let clear = text.strip_prefix(mark).and_then(|clear| serde_json::from_str(clear).ok());
            if let Some(clear) = clear {
                *json = clear;
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| unveil(item, mark)),
        Value::Object(fields) => fields.values_mut().for_each(|field| unveil(field, mark)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use domain::login;

    use super::*;

    fn failed(address: Option<Personal<String>>) -> Event {
        Event::Login(login::Event::Failed { address, at: DateTime::UNIX_EPOCH })
    }

    #[test]
    fn personal_data_is_shown_in_clear() {
        let shown = content(&failed(Some("192.0.2.1".to_owned().into()))).unwrap();

        assert_eq!(shown, json!({ "address": "192.0.2.1", "at": "1970-01-01T00:00:00Z" }));
    }

    #[test]
    fn what_was_erased_is_told_from_what_was_never_there() {
        let erased = content(&failed(Some(Personal::Erased))).unwrap();
        let absent = content(&failed(None)).unwrap();

        assert_eq!(erased["address"], json!({ "erased": true }));
        assert_eq!(absent["address"], Value::Null);
    }
}
