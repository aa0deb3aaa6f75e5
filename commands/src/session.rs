//! Signing in, staying signed in, signing out.

use chrono::TimeDelta;
use domain::{
    Aggregate, Category, Email, Kind, Password, Personal, Rejection,
    factors::Way,
    login::{self, Login},
    session::{self, EndReason, Session, Start},
    user::{User, Verification},
};
use eventlog::Meta;
use uuid::Uuid;

use crate::{
    Caller, Commands, Done, Error, Origin, SignIn,
    idempotency::{command_id, issued_at, note_written},
    jwt::{self, Holder},
    token::Refresh,
};

/// The name of the secret beside a user's stream that holds the password hash.
pub(crate) const PASSWORD: &str = "password";
/// How long a person stays signed in at the most.
const LIFETIME: TimeDelta = TimeDelta::days(30);

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

impl Commands {
    /// Signs a person in by password, or asks for a second factor. Unknown addresses and wrong passwords get the same answer
    /// after the same work.
    pub(crate) async fn sign_in_by_password(
        &self,
        credentials: Credentials,
        origin: &Origin,
    ) -> Result<Done<SignIn>, Error> {
        let user = match Email::try_from(credentials.email) {
            Ok(email) => self.user_of(&email).await?,
            Err(_) => None,
        };
        let Some(password) = Password::presented(&credentials.password) else {
            return Err(Error::bad_credentials());
        };
        let hash = match user {
            Some(user) => self.0.log.secret(user, PASSWORD).await.map_err(Error::Unavailable)?,
            None => None,
        };
        let is_right = self.0.hasher.is_right(password, hash).await?;
        match user {
            Some(user) if is_right => {
                let loaded = self.load::<User>(user).await?;
                self.complete_sign_in(user, &loaded.state, Way::SignIn, origin).await
            }
            Some(user) => {
                self.record_failure(user, origin).await?;
                Err(Error::bad_credentials())
            }
            None => Err(Error::bad_credentials()),
        }
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
        let signed_in = self.tokens(id, live.generation, user, &person)?;
        Ok(Done::new(signed_in, executed.position))
    }

    /// Ends the caller's session: its access and refresh tokens are dead from now on.
    pub async fn sign_out(&self, caller: &Caller) -> Result<Done<()>, Error> {
        let session = caller.session()?;
        let command = session::Command::End(EndReason::LoggedOut);
        let executed = self.execute::<Session>(session, command, &caller.meta()).await?;
        Ok(Done::new((), executed.position))
    }

    /// Begins a session for a person who has shown all that is asked of them.
    pub(crate) async fn start_session(
        &self,
        (user, session): (Uuid, Uuid),
        person: &User,
        way: Way,
        origin: &Origin,
    ) -> Result<Done<SignedIn>, Error> {
        // Before anything is written: somebody who may not act gets no session.
        let signed_in = self.tokens(session, 1, user, person)?;
        let at = self.0.clock.now();
        let start = session::Command::Start(Start {
            user,
            user_agent: origin.user_agent.clone(),
            address: origin.address.clone(),
            at,
            expires_at: at + LIFETIME,
        });
        let meta = Meta { actor: Some(user), ..origin.meta().about(user) }.because(way.name());
        let executed = self.begin::<Session>(session, start, vec![], &meta).await?;
        origin.note_arrival(user);
        Ok(Done::new(signed_in, executed.position))
    }

    fn tokens(
        &self,
        session: Uuid,
        generation: u32,
        user: Uuid,
        person: &User,
    ) -> Result<SignedIn, Error> {
        if let User::Absent | User::Leaving | User::Erased { .. } = person {
            return Err(Error::unauthenticated());
        }
        let User::Active(account) = person else {
            let detail = "this account is deactivated; ask an administrator";
            return Err(Rejection::new(Kind::Forbidden, "account_deactivated", detail).into());
        };
        let email = account.email.known().map(ToString::to_string).unwrap_or_default();
        let holder = Holder { user, email: email.clone(), role: account.role, session };
        Ok(SignedIn {
            access_token: self.0.signer.sign(holder, issued_at(self.0.clock.now()))?,
            refresh_token: Refresh { session, generation }.write(&self.0.tokens),
            expires_in: jwt::LIFETIME.num_seconds(),
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
