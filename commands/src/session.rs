//! Signing in, staying signed in, signing out.

use chrono::{DateTime, Utc};
use domain::{
    Aggregate, Category, Password, Personal, Rejection,
    factors::Way,
    login::{self, Login, Refusal},
    session::{self, EndReason, Session, Start},
    user::{User, Verification},
};
use eventlog::Meta;
use uuid::Uuid;

use crate::{
    Caller, Commands, Done, Error, Origin, SessionLimits, SignIn,
    factors::may_sign_in,
    idempotency::{command_id, issued_at, note_written},
    jwt::{self, Holder},
    token::Refresh,
};

/// The name of the secret beside a user's stream that holds the password hash.
pub(crate) const PASSWORD: &str = "password";

/// What a person gives to sign in.
#[derive(Debug)]
pub struct Credentials {
    /// The address, as typed.
    pub email: String,
    /// The password, as typed.
    pub password: String,
}

/// What a person who signed in gets.
#[derive(Clone, Debug)]
pub struct SignedIn {
    /// Opens the API.
    pub access_token: String,
    /// Gets the next pair.
    pub refresh_token: String,
    /// Seconds until the access token ends.
    pub expires_in: i64,
    /// The person.
    pub user: Uuid,
    /// Where their mail goes.
    pub email: String,
    /// What to call them.
    pub name: Option<String>,
    /// Whether the mailbox is proven.
    pub is_verified: bool,
}

/// The place of a pair of tokens: its session, its generation, and when the session ends.
#[derive(Clone, Copy)]
struct Place {
    session: Uuid,
    generation: u32,
    ends_at: DateTime<Utc>,
}

impl Commands {
    /// Signs a person in by password, or asks for a second factor. Where there is nobody and where
    /// the password is wrong, the answer is the same after the same work.
    pub(crate) async fn sign_in_by_password(
        &self,
        found: Option<&(Uuid, User)>,
        password: &str,
        origin: &Origin,
    ) -> Result<Done<SignIn>, Error> {
        let Some(password) = Password::presented(password) else {
            return Err(Error::bad_credentials());
        };
        match found {
            Some((user, person)) if self.is_password(*user, person, password.clone()).await? => {
                if self.must_prove_first(person) {
                    self.record_refusal(*user, Refusal::MailboxUnproven, origin).await?;
                    return Err(Error::bad_credentials());
                }
                self.complete_sign_in(*user, person, Way::SignIn, origin).await
            }
            Some((user, _)) => {
                self.record_failure(*user, origin).await?;
                Err(Error::bad_credentials())
            }
            None => {
                self.0.hasher.compare(password, None).await?;
                Err(Error::bad_credentials())
            }
        }
    }

    /// Whoever may sign in at once where they have registered learns that the address was free.
    fn must_prove_first(&self, person: &User) -> bool {
        let is_unproven = person.account().is_some_and(|account| !account.is_verified());
        self.0.policy.hides_addresses && is_unproven
    }

    /// Exchanges a refresh token for the next pair; a replaced one ends the whole session.
    pub async fn refresh(&self, token: &str, origin: &Origin) -> Result<Done<SignedIn>, Error> {
        let Some(refresh) = Refresh::read(&self.0.tokens, token) else {
            return Err(Error::unauthenticated());
        };
        let id = refresh.session;
        let session = self.load::<Session>(id).await?.state;
        let Some(user) = session.user() else { return Err(Error::unauthenticated()) };
        let command =
            session::Command::Refresh { generation: refresh.generation, at: self.0.clock.now() };
        // Whoever holds a replaced token need not be the person.
        let is_current =
            matches!(&session, Session::Live(live) if live.generation == refresh.generation);
        let actor = is_current.then_some(user);
        let meta = Meta { actor, credential: Some(id), ..origin.meta().about(user) };
        let executed = self.execute::<Session>(id, command, &meta).await?;
        let Session::Live(live) = &executed.state else {
            tracing::warn!(session = %id, %user, "a replaced refresh token came back; session ended");
            return Err(Rejection::from(session::Error::Over).into());
        };
        let person = self.load::<User>(user).await?.state;
        let place = Place { session: id, generation: live.generation, ends_at: live.ends_at() };
        let signed_in = self.tokens(place, user, &person)?;
        Ok(Done::new(signed_in, executed.position))
    }

    /// Ends the caller's session: its access and refresh tokens are dead from now on.
    pub async fn sign_out(&self, caller: &Caller) -> Result<Done<()>, Error> {
        let session = caller.session()?;
        let position = self.end_session(session, EndReason::LoggedOut, &caller.meta()).await?;
        Ok(Done::new((), position))
    }

    /// Begins a session for a person who has shown all that is asked of them.
    pub(crate) async fn start_session(
        &self,
        (user, session): (Uuid, Uuid),
        person: &User,
        way: Way,
        origin: &Origin,
    ) -> Result<Done<SignedIn>, Error> {
        let at = self.0.clock.now();
        let SessionLimits { lifetime, idle } = self.0.policy.sessions;
        let expires_at = at + lifetime;
        // Before anything is written: somebody who may not act gets no session.
        let place = Place { session, generation: 1, ends_at: expires_at.min(at + idle) };
        let signed_in = self.tokens(place, user, person)?;
        let device = self.device(user, origin).await?;
        let start = session::Command::Start(Start {
            user,
            user_agent: origin.user_agent.clone(),
            address: origin.address.clone(),
            at,
            expires_at,
            idle_seconds: u32::try_from(idle.as_secs()).unwrap_or(u32::MAX),
            is_new_device: device.is_new,
        });
        let meta = Meta { actor: Some(user), ..origin.meta().about(user) }.because(way.name());
        let executed = self.begin::<Session>(session, start, device.secrets, &meta).await?;
        self.is_still(user, person, session, &meta).await?;
        origin.note_arrival(user);
        Ok(Done::new(signed_in, executed.position))
    }

    /// Ends a session that began while the credentials of its person changed.
    async fn is_still(
        &self,
        user: Uuid,
        person: &User,
        session: Uuid,
        meta: &Meta,
    ) -> Result<(), Error> {
        let era = |person: &User| person.account().map(|account| account.era);
        if era(&self.load::<User>(user).await?.state) == era(person) {
            return Ok(());
        }
        self.end_session(session, EndReason::Revoked, meta).await?;
        Err(Error::bad_credentials())
    }

    fn tokens(&self, place: Place, user: Uuid, person: &User) -> Result<SignedIn, Error> {
        let Place { session, generation, ends_at } = place;
        let role = may_sign_in(person)?;
        let account = person.account().ok_or_else(Error::unauthenticated)?;
        let email = account.email.known().map(ToString::to_string).unwrap_or_default();
        let holder = Holder { user, email: email.clone(), role, session };
        let issued_at = issued_at(self.0.clock.now());
        let expires_at = ends_at.min(issued_at + jwt::LIFETIME);
        Ok(SignedIn {
            access_token: self.0.signatures.sign(holder, (issued_at, expires_at))?,
            refresh_token: Refresh { session, generation }.write(&self.0.tokens),
            expires_in: (expires_at - issued_at).num_seconds(),
            user,
            email,
            name: account.name.as_ref().and_then(Personal::known).map(ToString::to_string),
            is_verified: account.verification == Verification::Verified,
        })
    }

    /// In an append of its own, so that nothing can roll it back.
    pub(crate) async fn record_failure(&self, user: Uuid, origin: &Origin) -> Result<(), Error> {
        let address = origin.address.clone();
        let (user_agent, at) = (origin.user_agent.clone(), self.0.clock.now());
        self.record_login(user, login::Command::RecordFailure { address, user_agent, at }, origin)
            .await
    }

    /// Writes down why somebody was refused who may have known the password.
    pub(crate) async fn record_refusal(
        &self,
        user: Uuid,
        reason: Refusal,
        origin: &Origin,
    ) -> Result<(), Error> {
        let (address, user_agent) = (origin.address.clone(), origin.user_agent.clone());
        let at = self.0.clock.now();
        let command = login::Command::RecordRefusal { reason, address, user_agent, at };
        self.record_login(user, command, origin).await
    }

    /// Writes something down about attempts on an account.
    pub(crate) async fn record_login(
        &self,
        user: Uuid,
        command: login::Command,
        origin: &Origin,
    ) -> Result<(), Error> {
        let stream = Category::Login.stream_of(user);
        self.record_any::<Login>(stream, command, &origin.meta().about(user)).await
    }

    /// Appends to a stream whatever it holds: parallel failures are all written down.
    async fn record_any<A: Aggregate>(
        &self,
        stream: Uuid,
        command: A::Command,
        meta: &Meta,
    ) -> Result<(), Error> {
        let events = A::default().decide(command).map_err(Into::into)?;
        let command = command_id(stream);
        let append = eventlog::Append::<A> {
            stream,
            expected: eventlog::Expected::Any,
            events: &events,
            secrets: vec![],
            meta,
            command,
            fingerprint: command.as_bytes().to_vec(),
        };
        self.0.log.append(append).await?;
        note_written(meta.subject);
        Ok(())
    }
}
