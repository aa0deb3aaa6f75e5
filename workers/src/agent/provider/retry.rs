//! When a model is asked once more.

use std::time::Duration;

use chrono::{DateTime, Utc};
use reqwest::header::{DATE, HeaderMap, HeaderName, RETRY_AFTER};
use uuid::Uuid;

use super::ModelError;

/// How often a model is asked at most.
pub(super) const ATTEMPTS: u32 = 3;

/// A call that took longer than this to fail is not made again.
pub(super) const WINDOW: Duration = Duration::from_mins(1);

const FIRST_PAUSE: Duration = Duration::from_millis(500);

/// A provider that wants a longer pause than this is not asked again.
const LONGEST_PAUSE: Duration = Duration::from_secs(20);

/// How long to wait after the given attempt, from 1; `None` to give up.
pub(super) fn pause(attempt: u32, error: &ModelError) -> Option<Duration> {
    if attempt >= ATTEMPTS || !error.kind.is_passing() {
        return None;
    }
    match error.retry_after {
        Some(wanted) => (wanted <= LONGEST_PAUSE).then_some(wanted),
        None => Some(spread(FIRST_PAUSE * 2_u32.pow(attempt - 1))),
    }
}

/// Up to a quarter less, so that many who failed together do not come back together.
fn spread(pause: Duration) -> Duration {
    let chance = u32::from(Uuid::new_v4().as_bytes()[0]);
    pause * (4 * 255 - chance) / (4 * 255)
}

/// What `Retry-After` asks for; a date is read by the provider's own clock.
pub(super) fn wanted(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?;
    if let Ok(seconds) = text.trim().parse() {
        return Duration::try_from_secs_f64(seconds).ok();
    }
    let pause = date(headers, &RETRY_AFTER)? - date(headers, &DATE)?;
    Some(pause.to_std().unwrap_or_default())
}

fn date(headers: &HeaderMap, name: &HeaderName) -> Option<DateTime<Utc>> {
    let text = headers.get(name)?.to_str().ok()?;
    DateTime::parse_from_rfc2822(text).ok().map(Into::into)
}
