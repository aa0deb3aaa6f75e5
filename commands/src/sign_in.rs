//! What stands around every attempt to sign in by password or by passkey alone: limits before, an account
//! of it after.
//!
//! An attempt is counted before what was given is looked at, so that parallel guesses cannot pass a
//! limit together, and given back where it was right. Devices that have signed in to the
//! account before are counted each on their own: strangers who guess cannot lock their owner out.

use domain::{Email, Rejection, login::Refusal, user::User};
use uuid::Uuid;

use crate::{
    Commands, Credentials, Done, Error, Limit, Origin, PasskeyShown, SignIn, factors::Shown,
    idempotency::new_id, limit::KnownDevice,
};

/// One attempt, and what it was counted against.
struct Attempt {
    found: Option<(Uuid, User)>,
    network: Option<String>,
    /// The device, where the account knows it, or the account.
    whom: (Limit, String),
}

impl Commands {
    /// Signs a person in by password, or asks for a second factor, as often as limits allow.
    pub async fn sign_in(
        &self,
        credentials: Credentials,
        origin: &Origin,
    ) -> Result<Done<SignIn>, Error> {
        let attempt = self.attempt(&credentials.email, origin).await?;
        let found = attempt.found.as_ref();
        let work = Box::pin(self.sign_in_by_password(found, &credentials.password, origin));
        self.limited(&attempt, origin, work).await
    }

    /// Signs a person in who shows a passkey and nothing else, as often as limits allow.
    pub(crate) async fn sign_in_by_passkey(
        &self,
        shown: &Shown<'_>,
        origin: &Origin,
    ) -> Result<Done<PasskeyShown>, Error> {
        let says = shown.says();
        let found = match says {
            Some(user) => Some((user, self.load::<User>(user).await?.state)),
            None => None,
        };
        let found = found.filter(|(_, person)| person.account().is_some());
        let account = says.map_or_else(String::new, |user| format!("passkey of {user}"));
        let attempt = self.attempt_on(found, account, origin);
        let work = Box::pin(self.enter_by_passkey(attempt.found.as_ref(), shown, origin));
        self.limited(&attempt, origin, work).await
    }

    /// Counts an attempt, makes it, and writes down how it went.
    async fn limited<T>(
        &self,
        attempt: &Attempt,
        origin: &Origin,
        work: impl Future<Output = Result<Done<T>, Error>>,
    ) -> Result<Done<T>, Error> {
        let outcome = match self.count(attempt, origin).await {
            Ok(()) => work.await,
            Err(error) => Err(error),
        };
        let known = if attempt.whom.0 == Limit::SignInDevice { "known" } else { "new" };
        let told = told(outcome.as_ref().err());
        metrics::counter!("annals_sign_ins_total", "outcome" => told, "device" => known)
            .increment(1);
        match &outcome {
            Ok(_) => self.forgive(attempt).await,
            Err(_) if told == "account_deactivated" => {
                self.refuse(attempt, Refusal::AccountDeactivated, origin).await?;
            }
            Err(_) => {}
        }
        outcome
    }

    /// What a device shows from now on whose person has just signed in, and that showed this.
    #[must_use]
    pub fn known_device(&self, shown: Option<&str>, user: Uuid) -> String {
        let (limits, now) = (&self.0.limits, self.0.clock.now());
        let device = shown.and_then(|token| limits.device(token, user, now));
        let device = device.unwrap_or_else(new_id);
        limits.device_token(KnownDevice { user, device, since: now.timestamp() })
    }

    async fn attempt(&self, email: &str, origin: &Origin) -> Result<Attempt, Error> {
        let (found, account) = match Email::try_from(email.to_owned()) {
            Ok(email) => {
                let account = email.normalised();
                (self.person_at(&email).await?, account)
            }
            // What is no address belongs to nobody: it is all one account.
            Err(_) => (None, String::new()),
        };
        Ok(self.attempt_on(found, account, origin))
    }

    fn attempt_on(&self, found: Option<(Uuid, User)>, account: String, origin: &Origin) -> Attempt {
        let device = found
            .as_ref()
            .zip(origin.known_device.as_deref())
            .and_then(|((user, _), token)| self.0.limits.device(token, *user, self.0.clock.now()));
        let whom = match device {
            Some(device) => (Limit::SignInDevice, device.to_string()),
            None => (Limit::SignInAccount, account),
        };
        Attempt { found, network: origin.address.clone(), whom }
    }

    /// Counts a stranger for the network and for the account, a device that is known for itself alone.
    async fn count(&self, attempt: &Attempt, origin: &Origin) -> Result<(), Error> {
        let limits = &self.0.limits;
        let (limit, whom) = (attempt.whom.0, Some(attempt.whom.1.as_str()));
        let reason = if limit == Limit::SignInDevice {
            Refusal::TooManyFromDevice
        } else {
            limits.count(Limit::SignInNetwork, attempt.network.as_deref()).await?;
            Refusal::TooManyFromStrangers
        };
        let counted = limits.count(limit, whom).await;
        if let Err(Error::Limited(_)) = counted {
            self.refuse(attempt, reason, origin).await?;
        }
        counted
    }

    /// Gives back what an attempt was counted for that succeeded.
    async fn forgive(&self, attempt: &Attempt) {
        let (limit, whom) = (attempt.whom.0, Some(attempt.whom.1.as_str()));
        let network = (Limit::SignInNetwork, attempt.network.as_deref());
        let drawn = [(limit, whom), network];
        let drawn = if limit == Limit::SignInDevice { &drawn[..1] } else { &drawn[..] };
        self.0.limits.give_back(drawn).await;
    }

    /// Writes down why somebody was refused; of addresses without an account nothing is kept.
    async fn refuse(
        &self,
        attempt: &Attempt,
        reason: Refusal,
        origin: &Origin,
    ) -> Result<(), Error> {
        let Some((user, _)) = attempt.found else { return Ok(()) };
        self.record_refusal(user, reason, origin).await
    }
}

/// How an attempt ended, in a word of few.
fn told(error: Option<&Error>) -> &'static str {
    match error {
        None => "accepted",
        Some(Error::Limited(standing)) => standing.limit,
        Some(Error::Rejected(Rejection { code, .. })) => code,
        Some(Error::Overloaded) => "overloaded",
        Some(Error::Unavailable(_) | Error::Internal(_)) => "failed",
    }
}
