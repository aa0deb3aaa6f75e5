//! Whose an address is.

use domain::{
    ClaimScope, Email, Rejection,
    user::{self, AddressChange, User},
};
use uuid::Uuid;

use crate::{Commands, Error, Origin};

impl Commands {
    /// The account that holds an address, also one that has left it a while ago.
    pub(crate) async fn address_holder(&self, email: &Email) -> Result<Option<Uuid>, Error> {
        let key = email.normalised();
        self.0.log.holder(ClaimScope::Email, key.as_bytes()).await.map_err(Error::Unavailable)
    }

    /// The person whom mail to an address reaches. Looked for in as many steps where there is nobody.
    pub(crate) async fn person_at(&self, email: &Email) -> Result<Option<(Uuid, User)>, Error> {
        let holder = self.address_holder(email).await?;
        let person = self.load::<User>(holder.unwrap_or_default()).await?.state;
        let is_there = person.account().is_some_and(|account| account.is_at(email));
        Ok(holder.filter(|_| is_there).map(|user| (user, person)))
    }

    /// Refuses an address that another account holds, unless it was left so long ago that nobody can
    /// go back to it.
    pub(super) async fn free_address(
        &self,
        email: &Email,
        taker: Uuid,
        origin: &Origin,
    ) -> Result<(), Error> {
        let Some(holder) = self.address_holder(email).await?.filter(|holder| *holder != taker)
        else {
            return Ok(());
        };
        let release = AddressChange::Release { email: email.clone(), at: self.0.clock.now() };
        let command = user::Command::Address(release);
        // The holder's own affair, of which the taker learns nothing.
        let meta = Origin { address: None, ..origin.clone() }.meta().about(holder);
        match self.execute::<User>(holder, command, &meta).await {
            Ok(_) => Ok(()),
            Err(Error::Rejected(_)) => Err(Rejection::from(user::Error::EmailTaken).into()),
            Err(error) => Err(error),
        }
    }
}
