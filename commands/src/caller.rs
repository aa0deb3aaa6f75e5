//! Who asks, from where, and by which right.

use std::sync::{Arc, OnceLock};

use domain::{Kind, Rejection, Text, api_key::RateLimit, user::Role};
use eventlog::{Meta, Reason, Sealed};
use uuid::Uuid;

use crate::Quota;

/// The request that everything follows from.
#[derive(Clone, Debug, Default)]
pub struct Origin {
    /// The client's address.
    pub address: Option<String>,
    /// The client's program, in its own words.
    pub user_agent: Option<String>,
    /// The request's id.
    pub request: Uuid,
    /// The trace it belongs to (W3C Trace Context).
    pub traceparent: Option<String>,
    /// Why, in an administrator's own words.
    pub reason: Option<Text>,
    /// The token of a device that was remembered.
    pub device: Option<String>,
    /// What the device shows that has signed in before, as it came.
    pub known_device: Option<String>,
    /// Who has signed in by this request.
    pub arrived: Arc<OnceLock<Uuid>>,
}

/// A person who has shown who they are, or a program of theirs.
#[derive(Clone, Debug)]
pub struct Caller {
    /// The person.
    pub user: Uuid,
    /// What the person may do.
    pub role: Role,
    /// How they have shown it.
    pub credential: Credential,
    /// Where the request came from.
    pub origin: Origin,
}

/// How a caller has shown who they are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Credential {
    /// With the access token of a session.
    Session(Uuid),
    /// With an API key.
    ApiKey {
        /// The key.
        id: Uuid,
        /// What it may be used for; empty means all that its owner may do, credentials excepted.
        scopes: Vec<String>,
        /// The part of its secret that may be shown: while that is held, the secret is good.
        prefix: String,
        /// How often an administrator allows it to be used.
        limit: Option<RateLimit>,
    },
}

impl Credential {
    /// The session, or the key.
    #[must_use]
    pub const fn id(&self) -> Uuid {
        match self {
            Self::Session(id) | Self::ApiKey { id, .. } => *id,
        }
    }
}

impl Origin {
    /// Takes note that somebody has signed in by this request.
    pub(crate) fn note_arrival(&self, user: Uuid) {
        // Whoever came first stays: one request signs one person in.
        let _ = self.arrived.set(user);
    }

    /// The circumstances of something that nobody in particular asked for.
    #[must_use]
    pub fn meta(&self) -> Meta {
        Meta {
            address: self.address.clone().map(Sealed::from),
            reason: self.reason.as_ref().map(|said| Reason::Said(said.to_string().into())),
            correlation: Some(self.request).filter(|request| !request.is_nil()),
            traceparent: self.traceparent.clone(),
            ..Meta::default()
        }
    }
}

impl Caller {
    /// The circumstances of what the caller does with their own things.
    #[must_use]
    pub fn meta(&self) -> Meta {
        Meta {
            actor: Some(self.user),
            credential: Some(self.credential.id()),
            subject: Some(self.user),
            ..self.origin.meta()
        }
    }

    /// Refuses programs: a key cannot mint keys or touch credentials.
    pub fn session(&self) -> Result<Uuid, Rejection> {
        match &self.credential {
            Credential::Session(session) => Ok(*session),
            Credential::ApiKey { .. } => Err(Rejection::new(
                Kind::Forbidden,
                "session_required",
                "an API key cannot do this; sign in",
            )),
        }
    }

    /// The caller's key and how often an administrator allows it to be used; none for people, and for keys
    /// without such a limit.
    #[must_use]
    pub fn key_limit(&self) -> Option<(Uuid, Quota)> {
        match self.credential {
            Credential::ApiKey { id, limit: Some(limit), .. } => {
                Some((id, Quota::new(limit.requests, limit.seconds)))
            }
            Credential::ApiKey { limit: None, .. } | Credential::Session(_) => None,
        }
    }

    /// Refuses a key that was not given the scope.
    pub fn scope(&self, scope: &str) -> Result<(), Rejection> {
        match &self.credential {
            Credential::ApiKey { scopes, .. }
                if !scopes.is_empty() && !scopes.iter().any(|held| held == scope) =>
            {
                let detail = format!("this API key lacks the scope {scope}");
                Err(Rejection::new(Kind::Forbidden, "insufficient_scope", detail))
            }
            Credential::ApiKey { .. } | Credential::Session(_) => Ok(()),
        }
    }

    /// Refuses whoever is not an administrator.
    pub fn admin(&self) -> Result<(), Rejection> {
        if self.role.is_admin() {
            return self.scope("admin");
        }
        Err(Rejection::new(Kind::Forbidden, "admin_required", "this is for administrators"))
    }
}
