//! A signed-in device: one family of refresh tokens.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{Aggregate, Category, Claim, ClaimScope, Kind, Personal, Rejection};

#[cfg(test)]
mod tests;

/// How long a replaced refresh token still answers with the same successor, so that two tabs that
/// refresh together both stay signed in.
pub const GRACE: TimeDelta = TimeDelta::seconds(10);

/// A signed-in device.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub enum Session {
    /// Nobody signed in under this id.
    #[default]
    Absent,
    /// The device is signed in.
    Live(Live),
    /// The device is signed out for good.
    Ended {
        /// Whose it was.
        user: Uuid,
        /// Why.
        reason: EndReason,
    },
}

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
}

/// Why a session ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EndReason {
    /// The person signed out.
    LoggedOut,
    /// A replaced refresh token came back: somebody copied it (RFC 9700, section 4.14.2).
    TokenReused,
    /// Somebody with the right to ended it from elsewhere.
    Revoked,
    /// The person was erased.
    Erased,
}

/// What may be asked of a session.
#[derive(Clone, Debug)]
pub enum Command {
    /// Begin it.
    Start(Start),
    /// Exchange the refresh token of a generation for the next one.
    Refresh {
        /// The token's place in the family.
        generation: u32,
        /// Now.
        at: DateTime<Utc>,
    },
    /// End it.
    End(EndReason),
}

/// What beginning a session needs.
#[derive(Clone, Debug)]
pub struct Start {
    /// Whose it is.
    pub user: Uuid,
    /// The program that signed in, in its own words.
    pub user_agent: Option<String>,
    /// Where it signed in from.
    pub address: Option<String>,
    /// Now.
    pub at: DateTime<Utc>,
    /// When it ends at the latest.
    pub expires_at: DateTime<Utc>,
}

/// What can have happened to a session.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Event {
    /// Somebody signed in.
    #[serde(rename = "session.started")]
    Started {
        /// Who.
        user: Uuid,
        /// With which program.
        user_agent: Option<Personal<String>>,
        /// From where.
        address: Option<Personal<String>>,
        /// When.
        at: DateTime<Utc>,
        /// When it ends at the latest.
        expires_at: DateTime<Utc>,
    },
    /// The next refresh token was given out.
    #[serde(rename = "session.refreshed")]
    Refreshed {
        /// Its place in the family.
        generation: u32,
        /// When.
        at: DateTime<Utc>,
    },
    /// The device is signed out.
    #[serde(rename = "session.ended")]
    Ended {
        /// Why.
        reason: EndReason,
    },
}

/// Why a command to a session was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The id is taken.
    #[error("this session exists already")]
    AlreadyStarted,
    /// It ended, or there never was one.
    #[error("this session has ended; sign in again")]
    Over,
}

impl From<Error> for Rejection {
    fn from(error: Error) -> Self {
        match error {
            Error::AlreadyStarted => {
                Self::new(Kind::Conflict, "already_started", error.to_string())
            }
            Error::Over => Self::new(Kind::Unauthenticated, "session_ended", error.to_string()),
        }
    }
}

impl Aggregate for Session {
    const CATEGORY: Category = Category::Session;
    type Command = Command;
    type Event = Event;
    type Error = Error;

    fn decide(&self, command: Command) -> Result<Vec<Event>, Error> {
        match (self, command) {
            (Self::Absent, Command::Start(start)) => Ok(vec![Event::Started {
                user: start.user,
                user_agent: start.user_agent.map(Personal::from),
                address: start.address.map(Personal::from),
                at: start.at,
                expires_at: start.expires_at,
            }]),
            (Self::Live(live), Command::Refresh { generation, at }) => live.refresh(generation, at),
            (Self::Live(_), Command::End(reason)) => Ok(vec![Event::Ended { reason }]),
            (Self::Ended { .. }, Command::End(_)) => Ok(vec![]),
            (Self::Live(_) | Self::Ended { .. }, Command::Start(_)) => Err(Error::AlreadyStarted),
            (Self::Absent | Self::Ended { .. }, Command::Refresh { .. })
            | (Self::Absent, Command::End(_)) => Err(Error::Over),
        }
    }

    fn evolve(&mut self, event: &Event) {
        match event {
            Event::Started { user, at, expires_at, .. } => {
                *self = Self::Live(Live {
                    user: *user,
                    generation: 1,
                    started_at: *at,
                    refreshed_at: *at,
                    expires_at: *expires_at,
                });
            }
            Event::Refreshed { generation, at } => {
                if let Self::Live(live) = self {
                    live.generation = *generation;
                    live.refreshed_at = *at;
                }
            }
            Event::Ended { reason } => {
                if let Self::Live(live) = self {
                    *self = Self::Ended { user: live.user, reason: *reason };
                }
            }
        }
    }

    fn claims(id: Uuid, event: &Event) -> Vec<Claim> {
        let key = id.as_bytes().to_vec();
        match event {
            Event::Started { .. } => vec![Claim::Take(ClaimScope::LiveSession, key)],
            Event::Ended { .. } => vec![Claim::Release(ClaimScope::LiveSession, key)],
            Event::Refreshed { .. } => vec![],
        }
    }
}

impl Session {
    /// Whose it is or was, unless there never was one.
    #[must_use]
    pub const fn user(&self) -> Option<Uuid> {
        match self {
            Self::Absent => None,
            Self::Live(Live { user, .. }) | Self::Ended { user, .. } => Some(*user),
        }
    }
}

impl Live {
    fn refresh(&self, generation: u32, at: DateTime<Utc>) -> Result<Vec<Event>, Error> {
        if at >= self.expires_at {
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
