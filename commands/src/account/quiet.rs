//! Opening accounts where nobody may learn which addresses have one: the answer is the same, after the
//! same work, and the mailbox is told the rest.

use domain::{
    Email, Rejection,
    user::{self, Role, User},
};

use super::{NewAccount, Opening, VERIFICATION, password::EVEN};
use crate::{Commands, Error, Limit, Origin, idempotency::new_id};

impl Commands {
    /// Opens an account, or tells the owner of the address that somebody tried to.
    pub(super) async fn register_quietly(
        &self,
        new: NewAccount,
        origin: &Origin,
    ) -> Result<(), Error> {
        let hash = self.hash_of_new(&new.password, &new.email).await?;
        let (email, challenge) = (new.email.clone(), Some(self.challenge(VERIFICATION)));
        let opening = Opening { user: new_id(), new, role: Role::User, challenge };
        let work = async {
            let opened = match self.free_address(&email, opening.user, origin).await {
                Ok(()) => self.open_account(opening, hash, origin).await.map(drop),
                Err(error) => Err(error),
            };
            match opened {
                Err(error) if is_taken(&error) => self.tell_owner(&email, origin).await,
                opened => opened,
            }
        };
        tokio::join!(work, tokio::time::sleep(EVEN)).0
    }

    /// Has whoever mail to an address reaches told that somebody wanted it for an account.
    pub(super) async fn tell_owner(&self, email: &Email, origin: &Origin) -> Result<(), Error> {
        let is_allowed = self.0.limits.allows(Limit::Mail, Some(&email.normalised())).await?;
        let Some((owner, _)) = self.person_at(email).await?.filter(|_| is_allowed) else {
            return Ok(());
        };
        let command = user::Command::RecordRegistration { at: self.0.clock.now() };
        match self.execute::<User>(owner, command, &origin.meta().about(owner)).await {
            Ok(_) | Err(Error::Rejected(_)) => Ok(()),
            Err(error) => Err(error),
        }
    }
}

/// Whether something was refused because another account has the address.
pub(super) fn is_taken(error: &Error) -> bool {
    let taken = Rejection::from(user::Error::EmailTaken);
    matches!(error, Error::Rejected(rejection) if *rejection == taken)
}
