//! What is true of a session while it lasts, and how its refresh tokens follow each other.

use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;
use uuid::Uuid;

use super::{EndReason, Error, Event};

/// How long a replaced refresh token still answers with the same successor, so that two tabs that
/// refresh together both stay signed in.
pub const GRACE: TimeDelta = TimeDelta::seconds(10);

/// What is true of a session while it lasts.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Live {
    /// Whose it is.
    pub user: Uuid,
    /// Which refresh token of the family is good.
    pub generation: u32,
    /// When the person signed in.
    pub started_at: DateTime<Utc>,
    /// When that token was given out.
    pub refreshed_at: DateTime<Utc>,
    /// When the person has to sign in again, however active they are.
    pub expires_at: DateTime<Utc>,
    /// How many seconds it may go without a refresh; any number where nothing is said.
    pub idle_seconds: Option<u32>,
}

impl Live {
    /// When it ends if nothing happens.
    #[must_use]
    pub fn ends_at(&self) -> DateTime<Utc> {
        let idle = self.idle_seconds.map(|seconds| TimeDelta::seconds(seconds.into()));
        let idle_end = idle.and_then(|idle| self.refreshed_at.checked_add_signed(idle));
        idle_end.map_or(self.expires_at, |end| end.min(self.expires_at))
    }

    pub(super) fn refresh(&self, generation: u32, at: DateTime<Utc>) -> Result<Vec<Event>, Error> {
        if at >= self.ends_at() {
            return Err(Error::Over);
        }
        if generation == self.generation {
            return Ok(vec![Event::Refreshed { generation: generation + 1, at }]);
        }
        let is_just_replaced =
            generation.checked_add(1) == Some(self.generation) && at - self.refreshed_at <= GRACE;
        if is_just_replaced {
            Ok(vec![])
        } else {
            Ok(vec![Event::Ended { reason: EndReason::TokenReused }])
        }
    }
}
