//! Ending what was good before credentials changed: asked of the log and of what stands beside it, never
//! of a read model.

use chrono::{DateTime, Utc};
use domain::{
    Event,
    factors::ClearReason,
    session::{self, EndReason, Session},
    user,
};
use eventlog::{Meta, Position, RawEvent, Recorded, Secret};
use uuid::Uuid;

use crate::{
    Commands, Error,
    authenticate::{API_KEY_OF, SESSION_OF},
};

/// What makes a key open more than before.
const OPENING: [&str; 4] =
    ["api_key.created", "api_key.changed", "api_key.activated", "api_key.rotated"];

/// What a change of credentials ends of what began before.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct End {
    /// The session that goes on.
    pub spared: Option<Uuid>,
    /// From where in the log on keys of programs end as well.
    pub keys_since: Option<Position>,
    /// What becomes of second factors.
    pub factors: Fate,
}

/// What becomes of second factors.
#[derive(Clone, Copy, Debug, Default)]
pub(super) enum Fate {
    /// They stay, and are asked for on every device.
    #[default]
    Asked,
    /// They end as well.
    Gone,
    /// They are as they were before a place in the log.
    BackTo(Position),
}

impl End {
    /// Everything there is.
    pub(super) const EVERYTHING: Self =
        Self { spared: None, keys_since: Some(0), factors: Fate::Gone };

    /// What was done at a place in the log and since.
    pub(super) const fn since(of: Position) -> Self {
        Self { spared: None, keys_since: Some(of), factors: Fate::BackTo(of) }
    }

    fn of(event: &user::Event, meta: &Meta) -> Option<Self> {
        match event {
            user::Event::PasswordChanged { .. } => {
                Some(Self { spared: meta.credential, ..Self::default() })
            }
            user::Event::PasswordReset { .. } => Some(Self::default()),
            user::Event::CredentialsDropped { .. } => Some(Self::EVERYTHING),
            user::Event::Undone { of, .. } => Some(Self::since(*of)),
            user::Event::Registered { .. }
            | user::Event::RegistrationTried { .. }
            | user::Event::VerificationRequested { .. }
            | user::Event::EmailVerified { .. }
            | user::Event::PasswordResetRequested { .. }
            | user::Event::MagicLinkRequested { .. }
            | user::Event::MagicLinkUsed { .. }
            | user::Event::EmailChangeRequested { .. }
            | user::Event::EmailChanged { .. }
            | user::Event::EmailReleased { .. }
            | user::Event::ProfileChanged { .. }
            | user::Event::CaseResolved { .. }
            | user::Event::RoleChanged { .. }
            | user::Event::Deactivated {}
            | user::Event::Activated {}
            | user::Event::ErasureRequested { .. }
            | user::Event::Erased { .. }
            | user::Event::ErasureCertified { .. } => None,
        }
    }
}

impl Commands {
    /// Ends what an event of an account leaves no longer good; may be done again.
    pub async fn end_what_died(&self, event: &Recorded) -> Result<(), Error> {
        let Event::User(happened) = &event.event else { return Ok(()) };
        let Some(end) = End::of(happened, &event.meta) else { return Ok(()) };
        let when = (event.position, event.recorded_at);
        self.end_before(event.stream, end, when, &event.meta).await
    }

    /// Ends what began before a position, which was written at a moment. Sessions end first: nobody
    /// changes anything any more while the rest ends.
    pub(super) async fn end_before(
        &self,
        user: Uuid,
        end: End,
        (position, at): (Position, DateTime<Utc>),
        meta: &Meta,
    ) -> Result<(), Error> {
        let meta = Meta { causation: Some(position), ..meta.about(user) };
        self.end_sessions(user, position, end.spared, &meta).await?;
        match self.settle_factors(user, end.factors, (position, at), &meta).await {
            Ok(()) | Err(Error::Rejected(_)) => {}
            Err(error) => return Err(error),
        }
        let Some(since) = end.keys_since else { return Ok(()) };
        for key in self.kept(API_KEY_OF, user, position).await? {
            self.revoke_since(key, user, since, &meta).await?;
        }
        Ok(())
    }

    async fn settle_factors(
        &self,
        user: Uuid,
        fate: Fate,
        (position, at): (Position, DateTime<Utc>),
        meta: &Meta,
    ) -> Result<(), Error> {
        match fate {
            Fate::Asked => self.forget_devices_of(user, at, meta).await.map(drop),
            Fate::Gone if self.factors_of(user).await?.position < position => {
                self.clear_factors(user, ClearReason::Reset, meta).await.map(drop)
            }
            Fate::Gone => Ok(()),
            Fate::BackTo(of) => self.undo_factors(user, of, position, meta).await,
        }
    }

    /// Ends a session; once is enough.
    pub(crate) async fn end_session(
        &self,
        session: Uuid,
        reason: EndReason,
        meta: &Meta,
    ) -> Result<Position, Error> {
        let end = session::Command::End(reason);
        let secrets = vec![Secret::Drop(SESSION_OF)];
        Ok(self.execute_with::<Session>(session, end, secrets, meta).await?.position)
    }

    /// Revokes a key that was made, or came to open more, at a position or after it.
    async fn revoke_since(
        &self,
        key: Uuid,
        owner: Uuid,
        since: Position,
        meta: &Meta,
    ) -> Result<(), Error> {
        let events = self.0.log.stream(key).await.map_err(Error::Unavailable)?;
        let opens = |event: &RawEvent| event.position >= since && OPENING.contains(&&*event.name);
        if !events.iter().any(opens) {
            return Ok(());
        }
        self.end_key(key, owner, meta).await.map(drop)
    }

    pub(crate) async fn kept(
        &self,
        name: &str,
        user: Uuid,
        before: Position,
    ) -> Result<Vec<Uuid>, Error> {
        self.0.log.keepers(name, user, before).await.map_err(Error::Unavailable)
    }
}
