//! A key with which a program acts for its owner.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{Aggregate, Category, Claim, ClaimScope, Kind, Personal, Rejection, Text};

#[cfg(test)]
mod tests;

/// A key with which a program acts for its owner.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub enum ApiKey {
    /// There is no such key.
    #[default]
    Absent,
    /// It opens doors until it expires.
    Active(Active),
    /// It opens nothing any more.
    Revoked {
        /// Whose it was.
        owner: Uuid,
    },
}

/// What is true of a key while it is good.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Active {
    /// Whose it is.
    pub owner: Uuid,
    /// The part that may be shown.
    pub prefix: String,
    /// What it may be used for; empty means all that its owner may do, credentials excepted.
    pub scopes: Vec<String>,
    /// When it stops being good.
    pub expires_at: DateTime<Utc>,
}

/// What may be asked of a key.
#[derive(Clone, Debug)]
pub enum Command {
    /// Make it.
    Create(Creation),
    /// Make it useless.
    Revoke {
        /// Who asks.
        owner: Uuid,
    },
}

/// What making a key needs.
#[derive(Clone, Debug)]
pub struct Creation {
    /// Whose it is.
    pub owner: Uuid,
    /// What its owner calls it.
    pub name: Text,
    /// The part that may be shown.
    pub prefix: String,
    /// What it may be used for.
    pub scopes: Vec<String>,
    /// Now.
    pub at: DateTime<Utc>,
    /// When it stops being good.
    pub expires_at: DateTime<Utc>,
}

/// What can have happened to a key.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Event {
    /// It was made; its hash was stored beside it.
    #[serde(rename = "api_key.created")]
    Created {
        /// For whom.
        owner: Uuid,
        /// What its owner calls it.
        name: Personal<Text>,
        /// The part that may be shown.
        prefix: String,
        /// What it may be used for.
        scopes: Vec<String>,
        /// When.
        at: DateTime<Utc>,
        /// When it stops being good.
        expires_at: DateTime<Utc>,
    },
    /// It is useless from now on.
    #[serde(rename = "api_key.revoked")]
    Revoked {
        /// The part that may be shown.
        prefix: String,
    },
}

/// Why a command to a key was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The id is taken.
    #[error("this key exists already")]
    AlreadyCreated,
    /// There is no such key, or it is somebody else's.
    #[error("there is no such API key")]
    NotFound,
    /// An expiry in the past.
    #[error("an API key must expire in the future")]
    Expired,
}

impl From<Error> for Rejection {
    fn from(error: Error) -> Self {
        let (kind, code) = match error {
            Error::AlreadyCreated => (Kind::Conflict, "already_created"),
            Error::NotFound => (Kind::Missing, "not_found"),
            Error::Expired => (Kind::Invalid, "invalid_expiry"),
        };
        Self::new(kind, code, error.to_string())
    }
}

impl Aggregate for ApiKey {
    const CATEGORY: Category = Category::ApiKey;
    type Command = Command;
    type Event = Event;
    type Error = Error;

    fn decide(&self, command: Command) -> Result<Vec<Event>, Error> {
        match (self, command) {
            (Self::Absent, Command::Create(creation)) => create(creation),
            (Self::Active(key), Command::Revoke { owner }) if key.owner == owner => {
                Ok(vec![Event::Revoked { prefix: key.prefix.clone() }])
            }
            (Self::Revoked { owner: its }, Command::Revoke { owner }) if *its == owner => {
                Ok(vec![])
            }
            (Self::Active(_) | Self::Revoked { .. }, Command::Create(_)) => {
                Err(Error::AlreadyCreated)
            }
            (Self::Absent | Self::Active(_) | Self::Revoked { .. }, Command::Revoke { .. }) => {
                Err(Error::NotFound)
            }
        }
    }

    fn evolve(&mut self, event: &Event) {
        match event {
            Event::Created { owner, prefix, scopes, expires_at, .. } => {
                *self = Self::Active(Active {
                    owner: *owner,
                    prefix: prefix.clone(),
                    scopes: scopes.clone(),
                    expires_at: *expires_at,
                });
            }
            Event::Revoked { .. } => {
                if let Self::Active(key) = self {
                    *self = Self::Revoked { owner: key.owner };
                }
            }
        }
    }

    fn claims(_id: Uuid, event: &Event) -> Vec<Claim> {
        match event {
            Event::Created { prefix, .. } => {
                vec![Claim::Take(ClaimScope::ApiKey, prefix.clone().into_bytes())]
            }
            Event::Revoked { prefix } => {
                vec![Claim::Release(ClaimScope::ApiKey, prefix.clone().into_bytes())]
            }
        }
    }
}

fn create(creation: Creation) -> Result<Vec<Event>, Error> {
    if creation.expires_at <= creation.at {
        return Err(Error::Expired);
    }
    Ok(vec![Event::Created {
        owner: creation.owner,
        name: creation.name.into(),
        prefix: creation.prefix,
        scopes: creation.scopes,
        at: creation.at,
        expires_at: creation.expires_at,
    }])
}
