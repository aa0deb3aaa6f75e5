//! Keys of others, on behalf of administrators, who must have signed in: no key touches keys.

use domain::api_key::{self, ApiKey, Change, RateLimit};
use uuid::Uuid;

use super::{CreatedKey, For, NewApiKey};
use crate::{Caller, Commands, Done, Error};

impl Commands {
    /// Makes a key for somebody.
    pub async fn create_api_key_for(
        &self,
        caller: &Caller,
        (user, limit): (Uuid, Option<RateLimit>),
        new: NewApiKey,
    ) -> Result<Done<CreatedKey>, Error> {
        self.may_keep_keys_of(caller, user).await?;
        self.step_up_unless_recent(caller, &new.proof).await?;
        self.make_key(For { owner: user, limit }, new, &caller.meta().about(user)).await
    }

    /// Makes somebody's key useless.
    pub async fn revoke_api_key_of(&self, caller: &Caller, id: Uuid) -> Result<Done<()>, Error> {
        let owner = self.owner_of_key(caller, id).await?;
        self.end_key(id, owner, &caller.meta().about(owner)).await
    }

    /// Turns somebody's key on or off.
    pub async fn activate_api_key(
        &self,
        caller: &Caller,
        id: Uuid,
        is_active: bool,
    ) -> Result<Done<()>, Error> {
        let owner = self.owner_of_key(caller, id).await?;
        let change = Change { is_active: Some(is_active), ..Change::default() };
        self.change_key(id, owner, change, &caller.meta().about(owner)).await
    }

    /// Says how often somebody's key may be used.
    pub async fn limit_api_key(
        &self,
        caller: &Caller,
        id: Uuid,
        limit: Option<RateLimit>,
    ) -> Result<Done<()>, Error> {
        let owner = self.owner_of_key(caller, id).await?;
        let command = api_key::Command::Limit { owner, limit };
        let meta = caller.meta().about(owner);
        let executed = self.execute::<ApiKey>(id, command, &meta).await?;
        Ok(Done::new((), executed.position))
    }

    async fn owner_of_key(&self, caller: &Caller, id: Uuid) -> Result<Uuid, Error> {
        caller.session()?;
        caller.admin()?;
        let owner = self.load::<ApiKey>(id).await?.state.owner();
        let owner = owner.ok_or_else(|| Error::missing("API key"))?;
        self.may_keep_keys_of(caller, owner).await?;
        Ok(owner)
    }

    /// One's own, those of people, and of administrators as a superuser.
    async fn may_keep_keys_of(&self, caller: &Caller, owner: Uuid) -> Result<(), Error> {
        caller.session()?;
        if owner == caller.user {
            return Ok(caller.admin()?);
        }
        let person = self.administer(caller, owner).await?;
        person.account().map(drop).ok_or_else(|| Error::missing("user"))
    }
}
