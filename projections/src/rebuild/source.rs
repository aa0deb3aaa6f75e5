//! The part of the log that a projection is made of, read again.

use std::collections::HashSet;

use eventlog::{EventLog, Position, RawEvent, Recorded};
use sqlx::PgConnection;

use crate::{Projection, parking};

/// Events read at once.
const AT_ONCE: i64 = 4000;

/// What a projection is made of.
#[derive(Clone)]
pub(crate) struct Source {
    pub log: EventLog,
    pub projection: Projection,
    /// What somebody decided to leave out.
    skipped: HashSet<Position>,
}

impl Source {
    pub(crate) async fn open(log: &EventLog, projection: Projection) -> anyhow::Result<Self> {
        let mut db = log.pool().acquire().await?;
        let skipped = parking::skipped(&mut db, projection).await?.into_iter().collect();
        Ok(Self { log: log.clone(), projection, skipped })
    }

    /// Decodes what is wanted of events that are not none; answers the last position, too.
    pub(crate) async fn decode(
        &self,
        mut events: Vec<RawEvent>,
    ) -> anyhow::Result<(Position, Vec<Recorded>)> {
        let last = events.last().map_or(0, |event| event.position);
        events.retain(|event| {
            self.projection.wants(&event.name) && !self.skipped.contains(&event.position)
        });
        Ok((last, self.log.decode(events).await?))
    }

    /// Writes the events after a position up to `target` with one connection; answers where that
    /// led.
    pub(crate) async fn replay(
        &self,
        db: &mut PgConnection,
        after: Position,
        target: Position,
    ) -> anyhow::Result<Position> {
        let mut position = after;
        while position < target {
            let raw = self.log.read_at_most(position, AT_ONCE.min(target - position)).await?;
            if raw.is_empty() {
                break;
            }
            let (last, events) = self.decode(raw).await?;
            let wanted: Vec<&Recorded> = events.iter().collect();
            self.projection.write(db, &wanted).await?;
            position = last;
        }
        Ok(position)
    }
}
