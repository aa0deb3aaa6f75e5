//! Finding out who asks. Asked of claims and streams, never of a read model, so that what was
//! revoked is revoked at the next request, everywhere and after a restart.

use aws_lc_rs::{constant_time::verify_slices_are_equal, digest};
use domain::{
    ClaimScope,
    api_key::ApiKey,
    user::{Role, User},
};
use uuid::Uuid;

use crate::{Caller, Commands, Credential, Error, Origin};

/// The name of the secret beside a key's stream that holds the key's hash.
pub(crate) const KEY_HASH: &str = "api_key";

/// The same of the secret before, while that is good as well.
pub(crate) const KEY_HASH_BEFORE: &str = "api_key_before";

/// The name under which a session keeps, as long as it lasts, whose it is.
pub(crate) const SESSION_OF: &str = "session_of";
/// The same of a key.
pub(crate) const API_KEY_OF: &str = "api_key_of";

impl Commands {
    /// The caller behind an access token or an API key.
    pub async fn authenticate(&self, credential: &str, origin: Origin) -> Result<Caller, Error> {
        let caller = if credential.starts_with("ak_") {
            self.authenticate_key(credential, origin).await?
        } else {
            self.authenticate_token(credential, origin).await?
        };
        self.0.uses.count(&caller, self.0.clock.now());
        Ok(caller)
    }

    async fn authenticate_token(&self, token: &str, origin: Origin) -> Result<Caller, Error> {
        let access = self.read_access(token).await?;
        let held = [
            (ClaimScope::LiveSession, &access.sid.as_bytes()[..]),
            (ClaimScope::ActiveUser, &access.sub.as_bytes()[..]),
        ];
        if !self.0.log.are_held(&held).await.map_err(Error::Unavailable)? {
            return Err(Error::unauthenticated());
        }
        let role = self.role(access.sub, access.role).await?;
        Ok(Caller { user: access.sub, role, credential: Credential::Session(access.sid), origin })
    }

    async fn authenticate_key(&self, key: &str, origin: Origin) -> Result<Caller, Error> {
        let prefix = key.rsplit_once('_').map_or(key, |(prefix, _)| prefix);
        let holder = self.0.log.holder(ClaimScope::ApiKey, prefix.as_bytes()).await;
        let Some(id) = holder.map_err(Error::Unavailable)? else {
            return Err(Error::unauthenticated());
        };
        let ApiKey::Active(active) = self.load::<ApiKey>(id).await?.state else {
            return Err(Error::unauthenticated());
        };
        let name = if active.prefix == prefix { KEY_HASH } else { KEY_HASH_BEFORE };
        let hash = self.0.log.secret(id, name).await.map_err(Error::Unavailable)?;
        let is_right =
            hash.is_some_and(|hash| verify_slices_are_equal(&hash, &key_hash(key)).is_ok());
        let until = active.good_until(prefix).filter(|until| *until > self.0.clock.now());
        if !is_right || until.is_none() {
            return Err(Error::unauthenticated());
        }
        let User::Active(account) = self.load::<User>(active.owner).await?.state else {
            return Err(Error::unauthenticated());
        };
        let (prefix, limit) = (prefix.to_owned(), active.limit);
        let credential = Credential::ApiKey { id, prefix, scopes: active.scopes, limit };
        Ok(Caller { user: active.owner, role: account.role, credential, origin })
    }

    /// A token may say less than the stream, never more: rights that matter are looked up.
    async fn role(&self, user: Uuid, claimed: Role) -> Result<Role, Error> {
        if !claimed.is_admin() {
            return Ok(claimed);
        }
        let person = self.load::<User>(user).await?.state;
        Ok(person.account().map_or(Role::User, |account| account.role))
    }
}

/// SHA-256 is enough for 256 random bits.
pub(crate) fn key_hash(key: &str) -> Vec<u8> {
    digest::digest(&digest::SHA256, key.as_bytes()).as_ref().to_vec()
}
