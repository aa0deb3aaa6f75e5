//! Opening an account and proving its mailbox.

mod address;
mod end;
mod lookup;
mod magic_link;
mod password;
mod profile;
mod quiet;
mod undo;

use chrono::TimeDelta;
use domain::{
    Email, Rejection, Text,
    factors::Way,
    user::{self, Challenge, Registration, Role, User},
};
use eventlog::Secret;
use uuid::Uuid;

use crate::{
    Commands, Done, Error, Limit, Origin, SignIn,
    execute::Executed,
    idempotency::new_id,
    session::PASSWORD,
    token::{EmailProof, Purpose},
};

pub use profile::ProfileChange;

/// How long a verification link is good.
const VERIFICATION: TimeDelta = TimeDelta::hours(24);

/// What a person gives to open an account.
#[derive(Debug)]
pub struct NewAccount {
    /// Where mail goes.
    pub email: Email,
    /// What to call them.
    pub name: Option<Text>,
    /// What they will sign in with.
    pub password: String,
}

/// What comes of registering.
#[derive(Clone, Debug)]
pub enum Registered {
    /// The account is open, and its person on the way in.
    SignedIn(Done<SignIn>),
    /// The mailbox is told whether it is.
    Told,
}

/// What an operator gives to open an administrator's account.
#[derive(Debug)]
pub struct NewAdmin {
    /// Where mail goes.
    pub email: Email,
    /// What they will sign in with.
    pub password: String,
}

impl Commands {
    /// Opens an account, asks for the mailbox to be proven, and signs the person in. Where nobody may
    /// learn which addresses have accounts, the mailbox alone is told what happened.
    pub async fn register(&self, new: NewAccount, origin: &Origin) -> Result<Registered, Error> {
        self.0.limits.count(Limit::Registration, origin.address.as_deref()).await?;
        if self.0.policy.hides_addresses {
            self.register_quietly(new, origin).await?;
            return Ok(Registered::Told);
        }
        let challenge = self.challenge(VERIFICATION);
        let opening = Opening { user: new_id(), new, role: Role::User, challenge: Some(challenge) };
        // An address that is taken is refused before the work of hashing; the claim decides. An
        // earlier try of the same request may have taken it.
        self.free_address(&opening.new.email, opening.user, origin).await?;
        let hash = self.hash_of_new(&opening.new.password, &opening.new.email).await?;
        let (user, opened) = self.open_account(opening, hash, origin).await?;
        let signed_in = self.complete_sign_in(user, &opened.state, Way::Register, origin).await?;
        Ok(Registered::SignedIn(signed_in))
    }

    /// Opens an account whose mailbox the operator vouches for, with all rights.
    pub async fn create_admin(&self, new: NewAdmin) -> Result<Done<Uuid>, Error> {
        let new = NewAccount { email: new.email, name: None, password: new.password };
        let opening = Opening { user: new_id(), new, role: Role::Superuser, challenge: None };
        let hash = self.hash_of_new(&opening.new.password, &opening.new.email).await?;
        let (user, opened) = self.open_account(opening, hash, &Origin::default()).await?;
        Ok(Done::new(user, opened.position))
    }

    /// Whether an account has this address.
    pub async fn is_registered(&self, email: &Email) -> Result<bool, Error> {
        Ok(self.address_holder(email).await?.is_some())
    }

    /// Sends another link, if there is an account that waits for one; never tells, also not that
    /// there were too many.
    pub async fn resend_verification(
        &self,
        email: &Email,
        origin: &Origin,
    ) -> Result<Done<()>, Error> {
        if !self.0.limits.allows(Limit::Mail, Some(&email.normalised())).await? {
            return Ok(Done::new((), 0));
        }
        let Some((user, _)) = self.person_at(email).await? else { return Ok(Done::new((), 0)) };
        let command = user::Command::RequestVerification(self.challenge(VERIFICATION));
        match self.execute::<User>(user, command, &origin.meta().about(user)).await {
            Ok(executed) => Ok(Done::new((), executed.position)),
            Err(Error::Rejected(_)) => Ok(Done::new((), 0)),
            Err(error) => Err(error),
        }
    }

    /// Takes the answer from a mailed link.
    pub async fn verify_email(&self, token: &str, origin: &Origin) -> Result<Done<Uuid>, Error> {
        let proof = self.answered(Purpose::Verification, token)?;
        let command = user::Command::Verify { challenge: proof.challenge, at: self.0.clock.now() };
        let meta = origin.meta().about(proof.user);
        let executed = self.execute::<User>(proof.user, command, &meta).await?;
        Ok(Done::new(proof.user, executed.position))
    }

    /// The token that answers a challenge; only ever put into a mail to the mailbox in question.
    #[must_use]
    pub fn link_token(&self, purpose: Purpose, user: Uuid, challenge: Uuid) -> String {
        EmailProof { user, challenge }.write(purpose, &self.0.tokens)
    }

    /// What a mailed token answers; whether it still does is asked of the account.
    fn answered(&self, purpose: Purpose, token: &str) -> Result<EmailProof, Error> {
        EmailProof::read(purpose, &self.0.tokens, token).ok_or_else(stale)
    }

    fn challenge(&self, lifetime: TimeDelta) -> Challenge {
        Challenge { id: new_id(), expires_at: self.0.clock.now() + lifetime }
    }

    async fn open_account(
        &self,
        opening: Opening,
        hash: Vec<u8>,
        origin: &Origin,
    ) -> Result<(Uuid, Executed<User>), Error> {
        let Opening { user, new, role, challenge } = opening;
        let register = user::Command::Register(Registration {
            email: new.email,
            name: new.name,
            role,
            challenge,
            at: self.0.clock.now(),
        });
        // Where the operator vouches for the mailbox, the operator opens the account.
        let (actor, why) = match challenge {
            Some(_) => (Some(user), "register"),
            None => (None, "create_admin"),
        };
        let meta = eventlog::Meta { actor, ..origin.meta().about(user) }.because(why);
        let secrets = vec![Secret::Put(PASSWORD, hash)];
        let executed = self.begin::<User>(user, register, secrets, &meta).await?;
        Ok((user, executed))
    }
}

/// A mailed link that is no longer good.
fn stale() -> Error {
    Rejection::from(user::Error::StaleChallenge).into()
}

struct Opening {
    user: Uuid,
    new: NewAccount,
    role: Role,
    challenge: Option<Challenge>,
}
