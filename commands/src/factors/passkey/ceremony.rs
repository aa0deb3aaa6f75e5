//! Questions to browsers. None is stored: whoever asked gets it back under a MAC, and brings it with the
//! answer. That it is answered once is a matter of the person's stream.

use chrono::{DateTime, Utc};
use domain::{
    Rejection,
    factors::{CEREMONY_LIFETIME, Error as FactorsError},
};
use eventlog::ServiceKey;
use serde::{Deserialize, Serialize};
use uuid::Uuid;
use webauthn_rs_core::proto::{AuthenticationState, RegistrationState};

use crate::token;

const KIND: &str = "pk";

/// A question to a browser; who has its token may answer it, while it is new.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Ceremony {
    /// Tells it from others in the person's stream.
    pub id: Uuid,
    /// When it is too late for an answer.
    pub expires_at: DateTime<Utc>,
    /// What it is about.
    pub asks: Asks,
}

/// What a browser is asked for.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Asks {
    /// A new passkey of somebody who has signed in.
    Registration { user: Uuid, session: Uuid, state: RegistrationState },
    /// A passkey as the second factor of a sign-in that waits.
    Challenge { user: Uuid, challenge: Uuid, state: AuthenticationState },
    /// A passkey of somebody who has signed in, once more.
    StepUp { user: Uuid, session: Uuid, state: AuthenticationState },
    /// Any passkey.
    SignIn { state: AuthenticationState },
}

impl Ceremony {
    pub(super) fn new(id: Uuid, asks: Asks, now: DateTime<Utc>) -> Self {
        Self { id, expires_at: now + CEREMONY_LIFETIME, asks }
    }

    pub(super) fn write(&self, key: &ServiceKey) -> anyhow::Result<String> {
        Ok(token::write(key, KIND, &serde_json::to_vec(self)?))
    }

    pub(super) fn read(
        key: &ServiceKey,
        token: &str,
        now: DateTime<Utc>,
    ) -> Result<Self, Rejection> {
        let facts = token::facts(key, KIND, token);
        let ceremony = facts.and_then(|facts| serde_json::from_slice::<Self>(&facts).ok());
        let ceremony = ceremony.filter(|ceremony| now < ceremony.expires_at);
        ceremony.ok_or_else(|| FactorsError::CeremonyOver.into())
    }
}

#[cfg(test)]
mod tests {
    use super::{super::relying_party::RelyingParty, *};

    #[test]
    fn a_question_is_good_for_five_minutes_and_only_as_it_was_asked() {
        let key = ServiceKey::from_bytes([7; 32]);
        let now = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        let (_, state) = RelyingParty::new("http://localhost").ask(vec![], true).unwrap();
        let ceremony = Ceremony::new(Uuid::from_u128(1), Asks::SignIn { state }, now);

        let token = ceremony.write(&key).unwrap();

        let late = now + CEREMONY_LIFETIME;
        let read = |token: &str, at| Ceremony::read(&key, token, at).map(|it| it.id).ok();
        assert_eq!(read(&token, now), Some(Uuid::from_u128(1)));
        assert_eq!(read(&token, late), None);
        assert_eq!(read(&token.replacen("pk_", "ch_", 1), now), None);
        assert_eq!(read(&token[..token.len() - 1], now), None);
        let other = ServiceKey::from_bytes([8; 32]);
        assert!(Ceremony::read(&other, &token, now).is_err());
    }
}
