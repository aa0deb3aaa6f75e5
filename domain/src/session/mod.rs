//! A signed-in device: one family of refresh tokens.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{Aggregate, Category, Claim, ClaimScope, Kind, Personal, Rejection};

mod device;
mod live;
#[cfg(test)]
mod tests;

pub use device::device_name;
pub use live::{GRACE, Live};

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
    /// End it from elsewhere.
    Revoke {
        /// Whose it is said to be.
        user: Uuid,
    },
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
    /// How many seconds it may go without a refresh.
    pub idle_seconds: u32,
    /// Whether the person never signed in like this before, but otherwise has.
    pub is_new_device: bool,
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
        /// How many seconds it may go without a refresh; any number where nothing is said.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        idle_seconds: Option<u32>,
        /// Whether the person is told: they never signed in like this before, but otherwise had.
        #[serde(default, skip_serializing_if = "is_false")]
        is_new_device: bool,
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
    /// There is no such session, or it is somebody else's.
    #[error("there is no such session")]
    NotFound,
}

impl From<Error> for Rejection {
    fn from(error: Error) -> Self {
        match error {
            Error::AlreadyStarted => {
                Self::new(Kind::Conflict, "already_started", error.to_string())
            }
            Error::Over => Self::new(Kind::Unauthenticated, "session_ended", error.to_string()),
            Error::NotFound => Self::new(Kind::Missing, "not_found", error.to_string()),
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
            (Self::Absent, Command::Start(start)) => Ok(vec![begin(start)]),
            (Self::Live(live), Command::Refresh { generation, at }) => live.refresh(generation, at),
            (Self::Live(_), Command::End(reason)) => Ok(vec![Event::Ended { reason }]),
            (Self::Absent | Self::Live(_) | Self::Ended { .. }, Command::Revoke { user })
                if self.user() != Some(user) =>
            {
                Err(Error::NotFound)
            }
            (Self::Live(_), Command::Revoke { .. }) => {
                Ok(vec![Event::Ended { reason: EndReason::Revoked }])
            }
            (Self::Ended { .. }, Command::End(_))
            | (Self::Absent | Self::Ended { .. }, Command::Revoke { .. }) => Ok(vec![]),
            (Self::Live(_) | Self::Ended { .. }, Command::Start(_)) => Err(Error::AlreadyStarted),
            (Self::Absent | Self::Ended { .. }, Command::Refresh { .. })
            | (Self::Absent, Command::End(_)) => Err(Error::Over),
        }
    }

    fn evolve(&mut self, event: &Event) {
        match event {
            Event::Started { user, at, expires_at, idle_seconds, .. } => {
                *self = Self::Live(Live {
                    user: *user,
                    generation: 1,
                    started_at: *at,
                    refreshed_at: *at,
                    expires_at: *expires_at,
                    idle_seconds: *idle_seconds,
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

fn begin(start: Start) -> Event {
    Event::Started {
        user: start.user,
        user_agent: start.user_agent.map(Personal::from),
        address: start.address.map(Personal::from),
        at: start.at,
        expires_at: start.expires_at,
        idle_seconds: Some(start.idle_seconds),
        is_new_device: start.is_new_device,
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_false(flag: &bool) -> bool {
    !flag
}
