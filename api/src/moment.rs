//! Moments and days in parameters.

use chrono::{DateTime, NaiveDate, NaiveTime, TimeDelta, Utc};

use crate::problem::Problem;

/// The smallest step of the log's clock.
pub(crate) const TICK: TimeDelta = TimeDelta::microseconds(1);

/// Which moment of a day is meant.
#[derive(Clone, Copy)]
pub(crate) enum Edge {
    /// The first one.
    Start,
    /// The last one.
    End,
}

/// A moment (RFC 3339), or the first or last one of a day in UTC.
pub(crate) fn read(text: &str, edge: Edge, pointer: &str) -> Result<DateTime<Utc>, Problem> {
    // An unescaped `+` of an offset arrives as a blank.
    let text = text.trim().replace(' ', "+");
    let moment = DateTime::parse_from_rfc3339(&text).map(|moment| moment.to_utc());
    let day = || text.parse::<NaiveDate>().ok().map(|day| day.and_time(NaiveTime::MIN).and_utc());
    let moment = moment.ok().or_else(|| match edge {
        Edge::Start => day(),
        Edge::End => day().map(|start| start + TimeDelta::days(1) - TICK),
    });
    // Years far off are no times that Postgres or anybody else means.
    let is_sane = |moment: &DateTime<Utc>| (0..253_402_300_800).contains(&moment.timestamp());
    moment.filter(is_sane).ok_or_else(|| {
        Problem::invalid(pointer, "a day or a moment like 2026-01-31 or 2026-01-31T12:00:00Z")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str, edge: Edge) -> Option<String> {
        read(text, edge, "/x").ok().map(|moment| moment.to_rfc3339())
    }

    #[test]
    fn a_day_has_a_first_and_a_last_moment() {
        let [start, end] = [Edge::Start, Edge::End].map(|edge| shown("2026-01-31", edge));

        assert_eq!(start.as_deref(), Some("2026-01-31T00:00:00+00:00"));
        assert_eq!(end.as_deref(), Some("2026-01-31T23:59:59.999999+00:00"));
    }

    #[test]
    fn a_moment_is_itself_in_any_zone() {
        for text in ["2026-01-31T13:00:00+01:00", "2026-01-31T13:00:00 01:00"] {
            let moment = shown(text, Edge::End);

            assert_eq!(moment.as_deref(), Some("2026-01-31T12:00:00+00:00"), "{text}");
        }
    }

    #[test]
    fn anything_else_is_refused() {
        for text in ["", "yesterday", "2026-02-30", "+262142-12-31", "-0001-01-01", "1' or '1'='1"]
        {
            assert_eq!(shown(text, Edge::Start), None, "{text}");
        }
    }
}
