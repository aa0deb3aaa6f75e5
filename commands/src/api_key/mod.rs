//! Keys with which programs act for their owners.

mod administer;
mod change;
mod rotate;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::{DateTime, TimeDelta, Utc};
use domain::{
    Text,
    api_key::{self, ApiKey, Creation, RateLimit, Scope},
};
use eventlog::{Meta, Secret};
use uuid::Uuid;

use crate::{
    Caller, Commands, Done, Error, Proof,
    authenticate::{API_KEY_OF, KEY_HASH, key_hash},
    idempotency::{new_id, secret},
};

pub use change::KeyChange;
pub use rotate::RotatedKey;

/// How long a key is good where its owner does not say.
const LIFETIME: TimeDelta = TimeDelta::days(90);

/// What an owner gives to make a key.
#[derive(Clone, Debug)]
pub struct NewApiKey {
    /// What the owner calls it.
    pub name: Text,
    /// What it may be used for; empty means all that its owner may do, credentials excepted.
    pub scopes: Vec<Scope>,
    /// When it stops being good; in 90 days where nothing is said.
    pub expires_at: Option<DateTime<Utc>>,
    /// Shows once more that it is the owner; not needed in the first hour of a session.
    pub proof: Proof,
}

/// A key that was just made.
#[derive(Clone)]
pub struct CreatedKey {
    /// Its id.
    pub id: Uuid,
    /// The key itself, never to be seen again.
    pub key: String,
}

/// What opens, and the part of it that may be shown.
struct FreshSecret {
    prefix: String,
    key: String,
}

/// For whom a key is made, and how often it may be used.
struct For {
    owner: Uuid,
    limit: Option<RateLimit>,
}

impl Commands {
    /// Makes a key for the caller, who must have signed in.
    pub async fn create_api_key(
        &self,
        caller: &Caller,
        new: NewApiKey,
    ) -> Result<Done<CreatedKey>, Error> {
        self.step_up_unless_recent(caller, &new.proof).await?;
        let whom = For { owner: caller.user, limit: None };
        self.make_key(whom, new, &caller.meta()).await
    }

    /// Makes a key of the caller's useless from now on.
    pub async fn revoke_api_key(&self, caller: &Caller, id: Uuid) -> Result<Done<()>, Error> {
        caller.session()?;
        self.end_key(id, caller.user, &caller.meta()).await
    }

    async fn make_key(
        &self,
        For { owner, limit }: For,
        new: NewApiKey,
        meta: &Meta,
    ) -> Result<Done<CreatedKey>, Error> {
        let id = new_id();
        let FreshSecret { prefix, key } = FreshSecret::new()?;
        let at = self.0.clock.now();
        let create = api_key::Command::Create(Creation {
            owner,
            name: new.name,
            prefix,
            scopes: new.scopes,
            limit,
            at,
            expires_at: new.expires_at.unwrap_or(at + LIFETIME),
        });
        let of = Secret::Put(API_KEY_OF, owner.as_bytes().to_vec());
        let secrets = vec![Secret::Put(KEY_HASH, key_hash(&key)), of];
        let executed = self.begin::<ApiKey>(id, create, secrets, meta).await?;
        Ok(Done::new(CreatedKey { id, key }, executed.position))
    }

    /// Makes a key of somebody's useless.
    pub(crate) async fn end_key(
        &self,
        id: Uuid,
        owner: Uuid,
        meta: &Meta,
    ) -> Result<Done<()>, Error> {
        let revoke = api_key::Command::Revoke { owner };
        let secrets = vec![Secret::Drop(API_KEY_OF)];
        let executed = self.execute_with::<ApiKey>(id, revoke, secrets, meta).await?;
        Ok(Done::new((), executed.position))
    }
}

impl FreshSecret {
    fn new() -> Result<Self, Error> {
        let prefix = format!("ak_{}", random::<6>()?);
        let key = format!("{prefix}_{}", random::<32>()?);
        Ok(Self { prefix, key })
    }
}

fn random<const N: usize>() -> Result<String, Error> {
    Ok(URL_SAFE_NO_PAD.encode(secret::<N>()?).replace('_', "-"))
}
