//! What may be asked of a key.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::{RateLimit, Scope};
use crate::Text;

/// What may be asked of a key.
#[derive(Clone, Debug)]
pub enum Command {
    /// Make it.
    Create(Creation),
    /// Make it another one, in part.
    Change {
        /// Whose it must be.
        owner: Uuid,
        /// In which respects.
        change: Change,
        /// Now.
        at: DateTime<Utc>,
    },
    /// Give it another secret.
    Rotate(Rotation),
    /// Say how often it may be used.
    Limit {
        /// Whose it must be.
        owner: Uuid,
        /// So often; as often as its owner may ask where nothing is said.
        limit: Option<RateLimit>,
    },
    /// Make it useless.
    Revoke {
        /// Whose it must be.
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
    pub scopes: Vec<Scope>,
    /// How often it may be used, where an administrator says so.
    pub limit: Option<RateLimit>,
    /// Now.
    pub at: DateTime<Utc>,
    /// When it stops being good.
    pub expires_at: DateTime<Utc>,
}

/// What of a key is to be another.
#[derive(Clone, Debug, Default)]
pub struct Change {
    /// What its owner calls it.
    pub name: Option<Text>,
    /// What it may be used for.
    pub scopes: Option<Vec<Scope>>,
    /// When it stops being good.
    pub expires_at: Option<DateTime<Utc>>,
    /// Whether it opens anything.
    pub is_active: Option<bool>,
}

/// What giving a key another secret needs.
#[derive(Clone, Debug)]
pub struct Rotation {
    /// Whose it must be.
    pub owner: Uuid,
    /// The part of the new secret that may be shown.
    pub prefix: String,
    /// Until when the old secret is good beside the new one; not at all where nothing is said.
    pub until: Option<DateTime<Utc>>,
    /// Now.
    pub at: DateTime<Utc>,
}
