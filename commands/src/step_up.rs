//! Fresh proof for what a session alone does not open.

use chrono::TimeDelta;
use domain::{
    Kind, Password, Rejection,
    factors::{FRESH, Purpose},
    session::Session,
    user::User,
};
use uuid::Uuid;

use crate::{Caller, Commands, Error, Limit, factors::Typed};

/// How long a session may make keys without further proof.
const RECENT: TimeDelta = TimeDelta::hours(1);

/// What a person shows once more.
#[derive(Clone, Debug, Default)]
pub struct Proof {
    /// The password, as typed.
    pub password: Option<String>,
    /// A code of a second factor.
    pub code: Option<String>,
}

impl Commands {
    /// Lets a caller go on who shows the password, and a code where two-factor authentication is on.
    /// Whoever signed in with as much a few minutes ago need not show it again.
    pub(crate) async fn step_up(&self, caller: &Caller, proof: &Proof) -> Result<(), Error> {
        let session = caller.session()?;
        let Some(password) = &proof.password else { return self.fresh(caller.user, session).await };
        self.confirm(caller, password).await?;
        if !self.factors_of(caller.user).await?.state.is_enabled() {
            return Ok(());
        }
        let Some(code) = &proof.code else { return self.fresh(caller.user, session).await };
        let typed = Typed::read(code)?;
        self.present(caller.user, &typed, &Purpose::StepUp, &caller.meta()).await.map(drop)
    }

    /// The same for what a stolen session should not do, and people do soon after they came.
    pub(crate) async fn step_up_unless_recent(
        &self,
        caller: &Caller,
        proof: &Proof,
    ) -> Result<(), Error> {
        let session = self.load::<Session>(caller.session()?).await?.state;
        let now = self.0.clock.now();
        if matches!(session, Session::Live(live) if now - live.started_at <= RECENT) {
            return Ok(());
        }
        self.step_up(caller, proof).await
    }

    /// The password, once more: a stolen token must not be enough.
    pub(crate) async fn confirm(&self, caller: &Caller, password: &str) -> Result<(), Error> {
        let wrong = || {
            let detail = "the password is wrong";
            Error::from(Rejection::new(Kind::Forbidden, "wrong_password", detail))
        };
        let password = Password::presented(password).ok_or_else(wrong)?;
        // As many guesses as a device has that is known; those of a stolen session are its own.
        let (limits, whom) = (&self.0.limits, caller.user.to_string());
        limits.count(Limit::SignInDevice, Some(&whom)).await?;
        let person = self.load::<User>(caller.user).await?.state;
        if self.is_password(caller.user, &person, password).await? {
            limits.give_back(&[(Limit::SignInDevice, Some(&whom))]).await;
            return Ok(());
        }
        self.record_failure(caller.user, &caller.origin).await?;
        Err(wrong())
    }

    /// Whether a session is a few minutes old, and began with a second factor where there is one.
    async fn fresh(&self, user: Uuid, session: Uuid) -> Result<(), Error> {
        let (factors, now) = (self.factors_of(user).await?.state, self.0.clock.now());
        let is_fresh = if factors.is_enabled() {
            factors.is_proven(session, now)
        } else {
            let session = self.load::<Session>(session).await?.state;
            matches!(session, Session::Live(live) if now - live.started_at <= FRESH)
        };
        if is_fresh {
            return Ok(());
        }
        let detail = if factors.is_enabled() {
            "show that it is you: give the password and a code, or sign in again"
        } else {
            "show that it is you: give the password, or sign in again"
        };
        Err(Rejection::new(Kind::Forbidden, "step_up_required", detail).into())
    }
}
