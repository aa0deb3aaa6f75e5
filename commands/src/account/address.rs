//! Moving to another address.

use chrono::TimeDelta;
use domain::{
    Email, Personal,
    user::{self, AddressChange, User},
};
use uuid::Uuid;

use super::{quiet::is_taken, stale};
use crate::{
    Caller, Commands, Done, Error, Limit, Origin, Proof,
    token::{EmailProof, Purpose},
};

/// How long the new mailbox may take to answer.
const LIFETIME: TimeDelta = TimeDelta::hours(24);

impl Commands {
    /// Mails a link to the address that the caller wants to move to.
    pub async fn request_email_change(
        &self,
        caller: &Caller,
        to: Email,
        proof: &Proof,
    ) -> Result<Done<()>, Error> {
        self.step_up(caller, proof).await?;
        self.0.limits.count(Limit::Mail, Some(&to.normalised())).await?;
        match self.free_address(&to, caller.user, &caller.origin).await {
            Err(error) if self.0.policy.hides_addresses && is_taken(&error) => {
                self.tell_owner(&to, &caller.origin).await?;
                return Ok(Done::new((), 0));
            }
            outcome => outcome?,
        }
        let request = AddressChange::Request { to, challenge: self.challenge(LIFETIME) };
        let command = user::Command::Address(request);
        let executed = self.execute::<User>(caller.user, command, &caller.meta()).await?;
        // Where the owner of the address was told instead, there is no position either.
        let position = if self.0.policy.hides_addresses { 0 } else { executed.position };
        Ok(Done::new((), position))
    }

    /// Moves an account to the mailbox from which the answer comes.
    pub async fn confirm_email_change(
        &self,
        token: &str,
        origin: &Origin,
    ) -> Result<Done<Uuid>, Error> {
        let EmailProof { user, challenge } = self.answered(Purpose::EmailChange, token)?;
        let person = self.load::<User>(user).await?.state;
        let waiting = person.account().and_then(|account| account.email_change.as_ref());
        let to = waiting.map(|change| &change.to).and_then(Personal::known).ok_or_else(stale)?;
        self.free_address(to, user, origin).await?;
        let confirm = AddressChange::Confirm { challenge, at: self.0.clock.now() };
        let meta = origin.meta().about(user);
        let executed = self.execute::<User>(user, user::Command::Address(confirm), &meta).await?;
        Ok(Done::new(user, executed.position))
    }
}
