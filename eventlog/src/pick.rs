//! Events by their positions, and positions by time.

use chrono::{DateTime, Utc};
use futures_util::{StreamExt, TryStreamExt, stream};

use crate::{EventLog, Position, RawEvent};

/// Events that nobody asked for are read along, rather than asking once more.
const NEAR: Position = 16;
/// Events read at once at most.
const SPAN: Position = 500;
/// Reads on their way at once.
const READS: usize = 4;

impl EventLog {
    /// The events at these positions, in the order of the log.
    pub async fn at(&self, positions: &[Position]) -> anyhow::Result<Vec<RawEvent>> {
        let mut wanted = positions.to_vec();
        wanted.sort_unstable();
        wanted.dedup();
        let mut reads = stream::iter(spans(&wanted))
            .map(|(first, last)| self.read_at_most(first - 1, last - first + 1))
            .buffered(READS);
        let mut events = Vec::with_capacity(wanted.len());
        while let Some(read) = reads.try_next().await? {
            events.extend(
                read.into_iter().filter(|event| wanted.binary_search(&event.position).is_ok()),
            );
        }
        Ok(events)
    }

    /// The last position that was recorded by then; 0 before the first event.
    pub async fn position_at(&self, time: DateTime<Utc>) -> anyhow::Result<Position> {
        // Times never go back along the log.
        let (mut before, mut after) = (0, self.head().await? + 1);
        while after - before > 1 {
            let middle = before + (after - before) / 2;
            let event = self.read_at_most(middle - 1, 1).await?;
            match event.first() {
                Some(event) if event.recorded_at <= time => before = middle,
                Some(_) | None => after = middle,
            }
        }
        Ok(before)
    }
}

/// The first and last positions of what is read at once.
fn spans(wanted: &[Position]) -> Vec<(Position, Position)> {
    let mut spans: Vec<(Position, Position)> = Vec::new();
    for position in wanted {
        match spans.last_mut() {
            Some((first, last)) if position - *last <= NEAR && position - *first < SPAN => {
                *last = *position;
            }
            Some(_) | None => spans.push((*position, *position)),
        }
    }
    spans
}

#[cfg(test)]
mod tests {
    use super::spans;

    #[test]
    fn neighbours_are_read_together() {
        assert_eq!(spans(&[1, 2, 3, 10, 40]), [(1, 10), (40, 40)]);
    }

    #[test]
    fn a_long_row_is_read_in_parts() {
        let all: Vec<i64> = (1..=1200).collect();

        assert_eq!(spans(&all), [(1, 500), (501, 1000), (1001, 1200)]);
    }

    #[test]
    fn nothing_is_read_for_nothing() {
        assert_eq!(spans(&[]), []);
    }
}
