//! Signing in by a mailed link.

use chrono::TimeDelta;
use domain::{
    Email,
    factors::Way,
    user::{self, Credential, User},
};

use super::{end::End, password::dropped, stale};
use crate::{
    Commands, Done, Error, Origin, SignIn,
    token::{EmailProof, Purpose},
};

/// How long a link is good.
const LIFETIME: TimeDelta = TimeDelta::minutes(15);

impl Commands {
    /// Mails a link that signs its reader in, if anybody has the address; never tells.
    pub async fn request_magic_link(&self, email: &Email, origin: &Origin) -> Result<(), Error> {
        let request = Credential::RequestMagicLink(self.challenge(LIFETIME));
        self.mail_link(email, origin, request).await
    }

    /// Signs in whoever follows such a link, once; a second factor is still asked for.
    pub async fn sign_in_by_link(
        &self,
        token: &str,
        origin: &Origin,
    ) -> Result<Done<SignIn>, Error> {
        let EmailProof { user, challenge } = self.answered(Purpose::MagicLink, token)?;
        let person = self.load::<User>(user).await?.state;
        let account = person.account().ok_or_else(stale)?;
        let at = self.0.clock.now();
        let command = user::Command::Credential(Credential::UseMagicLink { challenge, at });
        let meta = origin.meta().about(user);
        let executed = self.execute_with::<User>(user, command, dropped(account), &meta).await?;
        if !account.is_verified() {
            let when = (executed.position, self.0.clock.now());
            self.end_before(user, End::EVERYTHING, when, &meta).await?;
        }
        self.complete_sign_in(user, &executed.state, Way::MagicLink, origin).await
    }
}
