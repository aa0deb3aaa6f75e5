//! Changing what a key is called, what it is good for and until when, and whether it is good at all.

use chrono::{DateTime, Utc};
use domain::{
    Text,
    api_key::{self, ApiKey, Change, Scope},
};
use eventlog::{Meta, Secret};
use uuid::Uuid;

use crate::{Caller, Commands, Done, Error, Proof, authenticate::KEY_HASH_BEFORE};

/// What of a key its owner wants to be another.
#[derive(Clone, Debug, Default)]
pub struct KeyChange {
    /// What it is called.
    pub name: Option<Text>,
    /// What it may be used for.
    pub scopes: Option<Vec<Scope>>,
    /// When it stops being good.
    pub expires_at: Option<DateTime<Utc>>,
    /// Whether it opens anything.
    pub is_active: Option<bool>,
    /// Shows once more that it is the owner, where the key may open more than before; not needed in the first
    /// hour of a session.
    pub proof: Proof,
}

impl KeyChange {
    /// Whether a stolen session could want it: what makes a key open more is like making one.
    fn may_open_more(&self) -> bool {
        self.scopes.is_some() || self.expires_at.is_some() || self.is_active == Some(true)
    }
}

impl Commands {
    /// Changes a key of the caller's, in part.
    pub async fn change_api_key(
        &self,
        caller: &Caller,
        id: Uuid,
        to: KeyChange,
    ) -> Result<Done<()>, Error> {
        caller.session()?;
        if to.may_open_more() {
            self.step_up_unless_recent(caller, &to.proof).await?;
        }
        let KeyChange { name, scopes, expires_at, is_active, proof: _ } = to;
        let change = Change { name, scopes, expires_at, is_active };
        self.change_key(id, caller.user, change, &caller.meta()).await
    }

    /// Changes a key of somebody's. Whoever turns it off ends a secret that was good beside it.
    pub(super) async fn change_key(
        &self,
        id: Uuid,
        owner: Uuid,
        change: Change,
        meta: &Meta,
    ) -> Result<Done<()>, Error> {
        let is_end = change.is_active == Some(false);
        let secrets = if is_end { vec![Secret::Drop(KEY_HASH_BEFORE)] } else { vec![] };
        let command = api_key::Command::Change { owner, change, at: self.0.clock.now() };
        let executed = self.execute_with::<ApiKey>(id, command, secrets, meta).await?;
        Ok(Done::new((), executed.position))
    }
}
