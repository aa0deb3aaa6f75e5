//! A key with which a program acts for its owner.

use std::num::NonZeroU32;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{Aggregate, Category, Claim};

mod command;
mod error;
mod event;
mod scope;
#[cfg(test)]
mod tests;

pub use command::{Change, Command, Creation, Rotation};
pub use error::Error;
pub use event::Event;
pub use scope::{Scope, UnknownScope};

/// A key with which a program acts for its owner.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub enum ApiKey {
    /// There is no such key.
    #[default]
    Absent,
    /// It opens doors until it expires.
    Active(Active),
    /// It opens nothing until it is activated.
    Inactive(Active),
    /// It opens nothing any more.
    Revoked {
        /// Whose it was.
        owner: Uuid,
    },
}

/// What is true of a key while it is not revoked.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Active {
    /// Whose it is.
    pub owner: Uuid,
    /// The part that may be shown.
    pub prefix: String,
    /// The secret before, while it is good beside the new one.
    pub before: Option<Before>,
    /// What it may be used for; empty means all that its owner may do, credentials excepted.
    pub scopes: Vec<String>,
    /// When it stops being good.
    pub expires_at: DateTime<Utc>,
    /// How often it may be used; as often as its owner may ask where nothing is said.
    pub limit: Option<RateLimit>,
}

/// A secret that was replaced and is good for a time yet.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Before {
    /// The part that may be shown.
    pub prefix: String,
    /// Until when.
    pub until: DateTime<Utc>,
}

/// So many requests in so many seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RateLimit {
    /// So many.
    pub requests: NonZeroU32,
    /// In so long.
    pub seconds: NonZeroU32,
}

impl ApiKey {
    /// Whose it is, or was.
    #[must_use]
    pub const fn owner(&self) -> Option<Uuid> {
        match self {
            Self::Absent => None,
            Self::Active(key) | Self::Inactive(key) => Some(key.owner),
            Self::Revoked { owner } => Some(*owner),
        }
    }

    fn key_mut(&mut self) -> Option<&mut Active> {
        match self {
            Self::Active(key) | Self::Inactive(key) => Some(key),
            Self::Absent | Self::Revoked { .. } => None,
        }
    }

    /// The key, if it is this person's and not useless for good.
    fn of(&self, owner: Uuid) -> Result<&Active, Error> {
        match self {
            Self::Active(key) | Self::Inactive(key) if key.owner == owner => Ok(key),
            Self::Revoked { owner: its } if *its == owner => Err(Error::Revoked),
            Self::Absent | Self::Active(_) | Self::Inactive(_) | Self::Revoked { .. } => {
                Err(Error::NotFound)
            }
        }
    }

    fn change(&self, owner: Uuid, change: Change, at: DateTime<Utc>) -> Result<Vec<Event>, Error> {
        let key = self.of(owner)?;
        let is_active = change.is_active;
        let mut events = key.changed(change, at)?;
        match (self, is_active) {
            (Self::Active(_), Some(false)) => events.push(Event::Deactivated {
                prefix: key.prefix.clone(),
                before: key.before.as_ref().map(|before| before.prefix.clone()),
            }),
            (Self::Inactive(_), Some(true)) => {
                events.push(Event::Activated { prefix: key.prefix.clone() });
            }
            (Self::Absent | Self::Active(_) | Self::Inactive(_) | Self::Revoked { .. }, _) => {}
        }
        Ok(events)
    }

    fn rotate(&self, rotation: Rotation) -> Result<Vec<Event>, Error> {
        let key = self.of(rotation.owner)?;
        if matches!(self, Self::Inactive(_)) {
            return Err(Error::Inactive);
        }
        if key.good_until(&rotation.prefix).is_some() {
            return Err(Error::AlreadyCreated);
        }
        let until = rotation.until.map(|until| until.min(key.expires_at));
        Ok(vec![Event::Rotated {
            prefix: rotation.prefix,
            before: key.prefix.clone(),
            until: until.filter(|until| *until > rotation.at),
            ended: key.before.as_ref().map(|before| before.prefix.clone()),
            at: rotation.at,
        }])
    }

    fn limit(&self, owner: Uuid, limit: Option<RateLimit>) -> Result<Vec<Event>, Error> {
        let is_so = self.of(owner)?.limit == limit;
        Ok(if is_so { vec![] } else { vec![Event::RateLimitChanged { limit }] })
    }

    fn revoke(&self, owner: Uuid) -> Result<Vec<Event>, Error> {
        match self.of(owner) {
            Ok(key) => Ok(vec![Event::Revoked {
                prefix: key.prefix.clone(),
                before: key.before.as_ref().map(|before| before.prefix.clone()),
            }]),
            Err(Error::Revoked) => Ok(vec![]),
            Err(error) => Err(error),
        }
    }
}

impl Active {
    /// Until when the secret with this prefix is good; none where it is none of this key's.
    #[must_use]
    pub fn good_until(&self, prefix: &str) -> Option<DateTime<Utc>> {
        if self.prefix == prefix {
            return Some(self.expires_at);
        }
        let before = self.before.as_ref().filter(|before| before.prefix == prefix)?;
        Some(before.until.min(self.expires_at))
    }

    fn changed(&self, change: Change, at: DateTime<Utc>) -> Result<Vec<Event>, Error> {
        let Change { name, scopes, expires_at, is_active: _ } = change;
        if expires_at.is_some_and(|expires_at| expires_at <= at) {
            return Err(Error::Expired);
        }
        let scopes = scopes.map(names).filter(|scopes| *scopes != self.scopes);
        let expires_at = expires_at.filter(|expires_at| *expires_at != self.expires_at);
        if name.is_none() && scopes.is_none() && expires_at.is_none() {
            return Ok(vec![]);
        }
        Ok(vec![Event::Changed { name: name.map(Into::into), scopes, expires_at }])
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
            (Self::Active(_) | Self::Inactive(_) | Self::Revoked { .. }, Command::Create(_)) => {
                Err(Error::AlreadyCreated)
            }
            (_, Command::Change { owner, change, at }) => self.change(owner, change, at),
            (_, Command::Rotate(rotation)) => self.rotate(rotation),
            (_, Command::Limit { owner, limit }) => self.limit(owner, limit),
            (_, Command::Revoke { owner }) => self.revoke(owner),
        }
    }

    fn evolve(&mut self, event: &Event) {
        match event {
            Event::Created { owner, prefix, scopes, expires_at, .. } => {
                *self = Self::Active(Active {
                    owner: *owner,
                    prefix: prefix.clone(),
                    before: None,
                    scopes: scopes.clone(),
                    expires_at: *expires_at,
                    limit: None,
                });
            }
            Event::Changed { scopes, expires_at, .. } => {
                if let Some(key) = self.key_mut() {
                    key.scopes = scopes.clone().unwrap_or_else(|| std::mem::take(&mut key.scopes));
                    key.expires_at = expires_at.unwrap_or(key.expires_at);
                }
            }
            Event::Deactivated { .. } => {
                *self = match std::mem::take(self) {
                    Self::Active(key) => Self::Inactive(Active { before: None, ..key }),
                    other @ (Self::Absent | Self::Inactive(_) | Self::Revoked { .. }) => other,
                };
            }
            Event::Activated { .. } => {
                *self = match std::mem::take(self) {
                    Self::Inactive(key) => Self::Active(key),
                    other @ (Self::Absent | Self::Active(_) | Self::Revoked { .. }) => other,
                };
            }
            Event::Rotated { prefix, before, until, .. } => {
                if let Some(key) = self.key_mut() {
                    key.prefix.clone_from(prefix);
                    let before = |until| Before { prefix: before.clone(), until };
                    key.before = until.map(before);
                }
            }
            Event::RateLimitChanged { limit } => {
                if let Some(key) = self.key_mut() {
                    key.limit = *limit;
                }
            }
            Event::Revoked { .. } => {
                if let Some(owner) = self.owner() {
                    *self = Self::Revoked { owner };
                }
            }
        }
    }

    fn claims(_id: Uuid, event: &Event) -> Vec<Claim> {
        event.claims()
    }
}

fn create(creation: Creation) -> Result<Vec<Event>, Error> {
    if creation.expires_at <= creation.at {
        return Err(Error::Expired);
    }
    let created = Event::Created {
        owner: creation.owner,
        name: creation.name.into(),
        prefix: creation.prefix,
        scopes: names(creation.scopes),
        at: creation.at,
        expires_at: creation.expires_at,
    };
    let limited = creation.limit.map(|limit| Event::RateLimitChanged { limit: Some(limit) });
    Ok(std::iter::once(created).chain(limited).collect())
}

/// As events say it: in order, each once.
fn names(mut scopes: Vec<Scope>) -> Vec<String> {
    scopes.sort_unstable();
    scopes.dedup();
    scopes.into_iter().map(|scope| scope.name().to_owned()).collect()
}
