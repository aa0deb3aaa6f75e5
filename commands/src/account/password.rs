//! Passwords: shown, changed, forgotten and chosen anew.

use std::time::Duration;

use chrono::TimeDelta;
use domain::{
    Email, Password, Rejection, WeakPassword,
    user::{self, Account, Credential, UNDO, User},
};
use eventlog::Secret;
use uuid::Uuid;

use super::{end::End, stale};
use crate::{
    Caller, Commands, Done, Error, Limit, Origin, Proof,
    idempotency::new_id,
    password::Comparison,
    session::PASSWORD,
    token::{EmailProof, Purpose},
};

/// How long a link is good that lets one choose another password.
const RESET: TimeDelta = TimeDelta::minutes(30);
/// How long it takes at least to ask for a link, so that the time does not tell whether one was sent.
pub(super) const EVEN: Duration = Duration::from_millis(150);

impl Commands {
    /// Gives the caller another password; their other sessions end.
    pub async fn change_password(
        &self,
        caller: &Caller,
        proof: &Proof,
        new: &str,
    ) -> Result<Done<()>, Error> {
        self.step_up(caller, proof).await?;
        let person = self.load::<User>(caller.user).await?.state;
        let account = person.account().ok_or_else(Error::unauthenticated)?;
        let at = self.0.clock.now();
        let (password, secrets) = self.new_password(account, new).await?;
        let change = Credential::ChangePassword { password, at };
        let (command, meta) = (user::Command::Credential(change), caller.meta());
        let executed = self.execute_with::<User>(caller.user, command, secrets, &meta).await?;
        let end = End { spared: meta.credential, ..End::default() };
        let when = (executed.position, self.0.clock.now());
        self.end_before(caller.user, end, when, &meta).await?;
        Ok(Done::new((), executed.position))
    }

    /// Mails a link to whoever has an address, if anybody has; never tells, not even by the time it
    /// takes.
    pub async fn forgot_password(&self, email: &Email, origin: &Origin) -> Result<(), Error> {
        self.mail_link(email, origin, Credential::RequestReset(self.challenge(RESET))).await
    }

    /// The same, on behalf of an administrator.
    pub async fn send_reset_link(&self, caller: &Caller, user: Uuid) -> Result<Done<()>, Error> {
        caller.admin()?;
        let request = Credential::RequestReset(self.challenge(RESET));
        let meta = caller.meta().about(user);
        let executed =
            self.execute::<User>(user, user::Command::Credential(request), &meta).await?;
        Ok(Done::new((), executed.position))
    }

    /// Takes another password from whoever follows a mailed link. Nobody is signed in by it, and
    /// whoever is, is no longer.
    pub async fn reset_password(
        &self,
        token: &str,
        new: &str,
        origin: &Origin,
    ) -> Result<Done<()>, Error> {
        let EmailProof { user, challenge } = self.answered(Purpose::PasswordReset, token)?;
        let person = self.load::<User>(user).await?.state;
        let account = person.account().ok_or_else(stale)?;
        if account.reset.is_none_or(|asked| asked.id != challenge) {
            return Err(stale());
        }
        let (password, mut secrets) = self.new_password(account, new).await?;
        secrets.extend(dropped(account));
        let at = self.0.clock.now();
        let reset = Credential::ResetPassword { challenge, password, at };
        let meta = origin.meta().about(user);
        let command = user::Command::Credential(reset);
        let executed = self.execute_with::<User>(user, command, secrets, &meta).await?;
        let end = if account.is_verified() { End::default() } else { End::EVERYTHING };
        let when = (executed.position, self.0.clock.now());
        self.end_before(user, end, when, &meta).await?;
        Ok(Done::new((), executed.position))
    }

    /// Whether a password is that of a person. A hash that took less work than hashes do now is
    /// made anew on the way.
    pub(crate) async fn is_password(
        &self,
        user: Uuid,
        person: &User,
        password: Password,
    ) -> Result<bool, Error> {
        let id = person.account().and_then(|account| account.password);
        let name = id.map(name_of).unwrap_or_default();
        let hash = self.0.log.secret(user, &name).await;
        let hash = hash.map_err(Error::Unavailable)?;
        match self.0.hasher.compare(password.clone(), hash.clone()).await? {
            Comparison::Wrong => Ok(false),
            Comparison::Right => Ok(true),
            Comparison::RightButWeak => {
                let Some(old) = hash else { return Ok(true) };
                let new = self.0.hasher.hash(password).await?;
                let rewritten = self.0.log.rewrite_secret(user, &name, (&old, &new)).await;
                rewritten.map_err(Error::Unavailable)?;
                metrics::counter!("annals_rehashed_passwords_total").increment(1);
                Ok(true)
            }
        }
    }

    /// The hash of a password that the policy lets somebody with this address choose.
    pub(super) async fn hash_of_new(&self, text: &str, email: &Email) -> Result<Vec<u8>, Error> {
        let minimum = self.0.policy.password_minimum;
        let password = Password::choose(text, email, minimum).map_err(Rejection::from)?;
        if let Some(breaches) = &self.0.breaches
            && breaches.know(&password).await
        {
            return Err(Rejection::from(WeakPassword::Breached).into());
        }
        self.0.hasher.hash(password).await
    }

    /// A new password for an account: its name, and what is written beside the event.
    async fn new_password(
        &self,
        account: &Account,
        text: &str,
    ) -> Result<(Uuid, Vec<Secret>), Error> {
        let email = account.email.known().ok_or_else(Error::unauthenticated)?;
        let hash = self.hash_of_new(text, email).await?;
        let id = new_id();
        let mut secrets = vec![Secret::PutOne(PASSWORD, id, hash)];
        let now = self.0.clock.now();
        // What was replaced so long ago that nobody can go back to it.
        let old = account.replaced.iter().filter(|old| now - old.at > UNDO + RESET);
        secrets.extend(old.map(|old| forgotten(old.password)));
        Ok((id, secrets))
    }

    /// Writes down that a link is to be mailed, if there is whom to mail it to.
    pub(super) async fn mail_link(
        &self,
        email: &Email,
        origin: &Origin,
        request: Credential,
    ) -> Result<(), Error> {
        self.0.limits.count(Limit::Link, origin.address.as_deref()).await?;
        let is_allowed = self.0.limits.allows(Limit::Mail, Some(&email.normalised())).await?;
        let work = async {
            let Some((user, _)) = self.person_at(email).await?.filter(|_| is_allowed) else {
                return Ok(());
            };
            let command = user::Command::Credential(request);
            match self.execute::<User>(user, command, &origin.meta().about(user)).await {
                Ok(_) | Err(Error::Rejected(_)) => Ok(()),
                Err(error) => Err(error),
            }
        };
        tokio::join!(work, tokio::time::sleep(EVEN)).0
    }
}

/// What is forgotten when a mailbox is proven that nobody had proven before.
pub(super) fn dropped(account: &Account) -> Vec<Secret> {
    if account.is_verified() {
        return vec![];
    }
    let replaced = account.replaced.iter().map(|old| old.password);
    account.password.into_iter().chain(replaced).map(forgotten).collect()
}

/// The name under which a hash stands.
fn name_of(password: Uuid) -> String {
    if password.is_nil() { PASSWORD.to_owned() } else { Secret::one_of(PASSWORD, password) }
}

fn forgotten(password: Uuid) -> Secret {
    if password.is_nil() { Secret::Drop(PASSWORD) } else { Secret::DropOne(PASSWORD, password) }
}
