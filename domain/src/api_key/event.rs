//! What can have happened to a key.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::RateLimit;
use crate::{Claim, ClaimScope, Personal, Text};

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
    /// It is another one, in part.
    #[serde(rename = "api_key.changed")]
    Changed {
        /// What its owner calls it from now on.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        name: Option<Personal<Text>>,
        /// What it may be used for from now on.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        scopes: Option<Vec<String>>,
        /// When it stops being good.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        expires_at: Option<DateTime<Utc>>,
    },
    /// It opens nothing until it is activated.
    #[serde(rename = "api_key.deactivated")]
    Deactivated {
        /// The part that may be shown.
        prefix: String,
        /// That of a secret that was good beside it, and is not any more.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        before: Option<String>,
    },
    /// It opens doors again.
    #[serde(rename = "api_key.activated")]
    Activated {
        /// The part that may be shown.
        prefix: String,
    },
    /// It has another secret; the hash of that was stored beside it.
    #[serde(rename = "api_key.rotated")]
    Rotated {
        /// The part of the new secret that may be shown.
        prefix: String,
        /// That of the secret before.
        before: String,
        /// Until when that one is good; not at all where nothing is said.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        until: Option<DateTime<Utc>>,
        /// That of a secret from even before, which is not good any more.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        ended: Option<String>,
        /// When.
        at: DateTime<Utc>,
    },
    /// It may be used so often.
    #[serde(rename = "api_key.rate_limit_changed")]
    RateLimitChanged {
        /// So often; as often as its owner may ask where nothing is said.
        limit: Option<RateLimit>,
    },
    /// It is useless from now on.
    #[serde(rename = "api_key.revoked")]
    Revoked {
        /// The part that may be shown.
        prefix: String,
        /// That of a secret that was good beside it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        before: Option<String>,
    },
}

impl Event {
    /// A secret is good while its prefix is held.
    pub(super) fn claims(&self) -> Vec<Claim> {
        let key = |prefix: &String| prefix.clone().into_bytes();
        let take = |prefix| Claim::Take(ClaimScope::ApiKey, key(prefix));
        let release = |prefix| Claim::Release(ClaimScope::ApiKey, key(prefix));
        match self {
            Self::Created { prefix, .. } | Self::Activated { prefix } => vec![take(prefix)],
            Self::Changed { .. } | Self::RateLimitChanged { .. } => vec![],
            Self::Deactivated { prefix, before } | Self::Revoked { prefix, before } => {
                std::iter::once(prefix).chain(before).map(release).collect()
            }
            Self::Rotated { prefix, before, until, ended, .. } => {
                let gone = until.is_none().then_some(before).into_iter().chain(ended);
                std::iter::once(take(prefix)).chain(gone.map(release)).collect()
            }
        }
    }
}
