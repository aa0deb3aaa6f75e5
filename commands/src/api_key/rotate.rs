//! Giving a key another secret, with or without a time in which the old one is good as well.

use chrono::{DateTime, TimeDelta, Utc};
use domain::api_key::{self, ApiKey, Rotation};
use eventlog::Secret;
use uuid::Uuid;

use super::FreshSecret;
use crate::{
    Caller, Commands, Done, Error, Proof,
    authenticate::{KEY_HASH, KEY_HASH_BEFORE, key_hash},
    execute::{Attempt, Decision, Executed, TRIES},
    idempotency::command_id,
};

/// A key that has just got another secret.
#[derive(Clone)]
pub struct RotatedKey {
    /// Its id.
    pub id: Uuid,
    /// The new key itself, never to be seen again.
    pub key: String,
    /// Until when the old one is good; not at all where nothing is said.
    pub old_until: Option<DateTime<Utc>>,
}

impl Commands {
    /// Gives a key of the caller's another secret; the old one is good for `overlap` yet.
    pub async fn rotate_api_key(
        &self,
        caller: &Caller,
        (id, overlap): (Uuid, TimeDelta),
        proof: &Proof,
    ) -> Result<Done<RotatedKey>, Error> {
        self.step_up_unless_recent(caller, proof).await?;
        let secret = FreshSecret::new()?;
        let at = self.0.clock.now();
        let (owner, prefix) = (caller.user, secret.prefix);
        let until = (overlap > TimeDelta::zero()).then(|| at + overlap);
        let rotation = Rotation { owner, prefix, until, at };
        let executed = self.rotate(id, rotation, &key_hash(&secret.key), caller).await?;
        let old_until = match executed.state {
            ApiKey::Active(key) | ApiKey::Inactive(key) => key.before.map(|before| before.until),
            ApiKey::Absent | ApiKey::Revoked { .. } => None,
        };
        let rotated = RotatedKey { id, key: secret.key, old_until };
        Ok(Done::new(rotated, executed.position))
    }

    /// What the stream says and what stands beside it are read anew at every try: the hash that moves
    /// aside is that of the secret which the event names.
    async fn rotate(
        &self,
        id: Uuid,
        rotation: Rotation,
        hash: &[u8],
        caller: &Caller,
    ) -> Result<Executed<ApiKey>, Error> {
        let command = command_id(id);
        if let Some(done) = self.done_before::<ApiKey>(id, command).await? {
            return Ok(done);
        }
        let mut tries = 1;
        loop {
            let loaded = self.load::<ApiKey>(id).await?;
            let old = self.0.log.secret(id, KEY_HASH).await.map_err(Error::Unavailable)?;
            let beside = match (old, rotation.until) {
                (Some(old), Some(_)) => Secret::Put(KEY_HASH_BEFORE, old),
                (None, _) | (_, None) => Secret::Drop(KEY_HASH_BEFORE),
            };
            let decision = Decision {
                id: command,
                command: api_key::Command::Rotate(rotation.clone()),
                secrets: vec![Secret::Put(KEY_HASH, hash.to_vec()), beside],
            };
            match self.decide(id, loaded, decision, &caller.meta()).await {
                Err(Attempt::StreamMoved) if tries < TRIES => tries += 1,
                outcome => {
                    let executed = outcome?;
                    self.0.known.keep(id, &executed);
                    return Ok(executed);
                }
            }
        }
    }
}
