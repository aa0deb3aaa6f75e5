//! One stream at an earlier moment: its state, and the events that led there.

use anyhow::ensure;
use chrono::{DateTime, Utc};
use domain::{
    Aggregate, Category, Event, api_key::ApiKey, audit::Audit, chat::Chat, factors::Factors,
    inbox::Inbox, login::Login, notification::Notification, session::Session, settings::Settings,
    user::User,
};
use eventlog::{Position, Recorded, content, in_clear};
use serde::Serialize;
use serde_json::Value;
use uuid::Uuid;

use super::{Difference, Unanswered, bounded, difference};
use crate::Queries;

/// A stream as it was.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct StreamAsOf {
    /// Its id.
    pub stream: Uuid,
    /// What kind of thing it is.
    pub category: &'static str,
    /// As of which position.
    pub position: Position,
    /// How many events it held; 0 before its first one.
    pub version: i64,
    /// What was true of it.
    pub state: Value,
    /// What had happened to it.
    pub events: Vec<PastEvent>,
}

/// An event that had happened.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PastEvent {
    /// Its place in the log.
    pub position: Position,
    /// Its place in the stream, from 1.
    pub version: i64,
    /// When.
    pub recorded_at: DateTime<Utc>,
    /// Its stored name.
    pub name: String,
    /// Who did it.
    pub actor: Option<Uuid>,
    /// As part of which request.
    pub correlation: Option<Uuid>,
    /// Which event it answers.
    pub causation: Option<Position>,
    /// What it says.
    pub event: Value,
}

/// What became of a stream between two moments.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct StreamDiff {
    /// Its id.
    pub stream: Uuid,
    /// What kind of thing it is.
    pub category: &'static str,
    /// How many events it held before.
    pub from_version: i64,
    /// How many events it held afterwards.
    pub to_version: i64,
    /// The fields of its state that differ.
    pub differences: Vec<Difference>,
    /// What happened in between.
    pub events: Vec<PastEvent>,
}

impl Queries {
    /// A stream as it was at a position; [`Unanswered`] where there never was such a stream.
    pub async fn stream_as_of(&self, stream: Uuid, at: Position) -> anyhow::Result<StreamAsOf> {
        let (category, events) = self.whole_stream(stream).await?;
        let past = until(&events, at);
        Ok(StreamAsOf {
            stream,
            category: category.name(),
            position: at,
            version: past.last().map_or(0, |event| event.version),
            state: state(category, past)?,
            events: past.iter().map(PastEvent::of).collect::<anyhow::Result<_>>()?,
        })
    }

    /// What became of a stream between two positions.
    pub async fn stream_diff(
        &self,
        stream: Uuid,
        (from, to): (Position, Position),
    ) -> anyhow::Result<StreamDiff> {
        let (category, events) = self.whole_stream(stream).await?;
        let (before, after) = (until(&events, from), until(&events, to));
        let differences = difference::between(&state(category, before)?, &state(category, after)?);
        let between = after.iter().skip(before.len()).map(PastEvent::of);
        Ok(StreamDiff {
            stream,
            category: category.name(),
            from_version: before.last().map_or(0, |event| event.version),
            to_version: after.last().map_or(0, |event| event.version),
            differences,
            events: between.collect::<anyhow::Result<_>>()?,
        })
    }

    async fn whole_stream(&self, stream: Uuid) -> anyhow::Result<(Category, Vec<Recorded>)> {
        let events = self.log().stream(stream).await?;
        bounded(events.len())?;
        let category = events.first().and_then(|event| Category::of_event(&event.name));
        ensure!(category.is_some(), Unanswered::Unknown);
        let category = category.unwrap_or(Category::User);
        Ok((category, self.log().decode(events).await?))
    }
}

impl PastEvent {
    fn of(recorded: &Recorded) -> anyhow::Result<Self> {
        Ok(Self {
            position: recorded.position,
            version: recorded.version,
            recorded_at: recorded.recorded_at,
            name: recorded.name.to_string(),
            actor: recorded.meta.actor,
            correlation: recorded.meta.correlation,
            causation: recorded.meta.causation,
            event: content(&recorded.event, Value::Null)?,
        })
    }
}

/// The events up to a position.
fn until(events: &[Recorded], at: Position) -> &[Recorded] {
    &events[..events.partition_point(|event| event.position <= at)]
}

/// Picks the events of one kind of thing.
macro_rules! own {
    ($kind:ident) => {
        |event| if let Event::$kind(event) = event { Some(event) } else { None }
    };
}

/// What the domain says is true after these events.
fn state(category: Category, events: &[Recorded]) -> serde_json::Result<Value> {
    match category {
        Category::User => fold::<User>(events, own!(User)),
        Category::Session => fold::<Session>(events, own!(Session)),
        Category::ApiKey => fold::<ApiKey>(events, own!(ApiKey)),
        Category::Settings => fold::<Settings>(events, own!(Settings)),
        Category::Chat => fold::<Chat>(events, own!(Chat)),
        Category::Login => fold::<Login>(events, own!(Login)),
        Category::Audit => fold::<Audit>(events, own!(Audit)),
        Category::Notification => fold::<Notification>(events, own!(Notification)),
        Category::Inbox => fold::<Inbox>(events, own!(Inbox)),
        Category::Factors => fold::<Factors>(events, own!(Factors)),
    }
}

fn fold<A: Aggregate + Serialize>(
    events: &[Recorded],
    own: fn(&Event) -> Option<&A::Event>,
) -> serde_json::Result<Value> {
    let mut state = A::default();
    for event in events.iter().filter_map(|recorded| own(&recorded.event)) {
        state.evolve(event);
    }
    in_clear(&state, Value::Null)
}
