//! Events that follow one another in the log, read and decoded once for all who want them.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use eventlog::{EventLog, Position, RawEvent, Recorded};

use crate::Projection;

/// A contiguous part of the log; what nobody wants of it is not decoded.
#[derive(Clone, Debug)]
pub(crate) struct Batch {
    /// Its last position, wanted or not.
    pub last: Position,
    /// When the event there was committed.
    pub recorded_at: DateTime<Utc>,
    events: Arc<[Recorded]>,
}

impl Batch {
    /// Decodes what is wanted of events from the log; nothing where there are none.
    pub(crate) async fn decode(
        log: &EventLog,
        mut raw: Vec<RawEvent>,
        is_wanted: impl Fn(&str) -> bool,
    ) -> anyhow::Result<Option<Self>> {
        let Some(last) = raw.last() else { return Ok(None) };
        let (last, recorded_at) = (last.position, last.recorded_at);
        raw.retain(|event| is_wanted(&event.name));
        let events = log.decode(raw).await?.into();
        Ok(Some(Self { last, recorded_at, events }))
    }

    /// What a projection that stands at `position` wants of it.
    pub(crate) fn wanted_by(&self, projection: Projection, position: Position) -> Vec<&Recorded> {
        let known = self.events.partition_point(|event| event.position <= position);
        self.events[known..].iter().filter(|event| projection.wants(&event.name)).collect()
    }
}
