//! Events for people who may see everything: as JSON, with personal data opened.

use chrono::{DateTime, Utc};
use domain::Personal;
use serde::Serialize;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{Circumstances, EventLog, Position, RawEvent, Reason, Recorded, content};

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
        data: content(&event, erased())?,
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
