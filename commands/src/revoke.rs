//! Ending sessions from elsewhere: by the person, or by an administrator.

use domain::{
    Kind, Rejection,
    session::{self, Session},
    user::{Role, User},
};
use eventlog::{Meta, Position, Secret};
use uuid::Uuid;

use crate::{Caller, Commands, Done, Error, authenticate::SESSION_OF};

impl Commands {
    /// Ends one of the caller's sessions.
    pub async fn revoke_session(&self, caller: &Caller, id: Uuid) -> Result<Done<()>, Error> {
        caller.session()?;
        self.revoke(id, caller.user, &caller.meta()).await
    }

    /// Ends all of the caller's sessions, or all others; answers how many there were.
    pub async fn revoke_sessions(
        &self,
        caller: &Caller,
        keeps_current: bool,
    ) -> Result<Done<u64>, Error> {
        let current = caller.session()?;
        let spared = keeps_current.then_some(current);
        self.end_sessions(caller.user, Position::MAX, spared, &caller.meta()).await
    }

    /// Ends a session of somebody's, on behalf of an administrator.
    pub async fn revoke_session_of(
        &self,
        caller: &Caller,
        user: Uuid,
        id: Uuid,
    ) -> Result<Done<()>, Error> {
        self.administer(caller, user).await?.account().ok_or_else(|| Error::missing("user"))?;
        self.revoke(id, user, &caller.meta().about(user)).await
    }

    /// Ends all sessions of somebody's, on behalf of an administrator.
    pub async fn revoke_sessions_of(
        &self,
        caller: &Caller,
        user: Uuid,
    ) -> Result<Done<u64>, Error> {
        self.administer(caller, user).await?.account().ok_or_else(|| Error::missing("user"))?;
        self.end_sessions(user, Position::MAX, None, &caller.meta().about(user)).await
    }

    /// Ends every session of a person that began before a position, except for one, if it is named;
    /// answers how many. Which there are is asked of what was written with their events.
    pub(crate) async fn end_sessions(
        &self,
        user: Uuid,
        before: Position,
        except: Option<Uuid>,
        meta: &Meta,
    ) -> Result<Done<u64>, Error> {
        let mut done = Done::new(0, 0);
        for id in self.kept(SESSION_OF, user, before).await? {
            if except != Some(id) {
                let revoked = self.revoke(id, user, meta).await?;
                done = Done::new(done.value + 1, done.position.max(revoked.position));
            }
        }
        Ok(done)
    }

    /// The person an administrator wants to do something about; only a superuser does it to those who
    /// are administrators themselves.
    pub(crate) async fn administer(&self, caller: &Caller, user: Uuid) -> Result<User, Error> {
        caller.admin()?;
        let person = self.load::<User>(user).await?.state;
        let is_admin = person.account().is_some_and(|account| account.role.is_admin());
        if is_admin && caller.role != Role::Superuser {
            let detail = "only a superuser can do this to an administrator";
            return Err(Rejection::new(Kind::Forbidden, "superuser_required", detail).into());
        }
        Ok(person)
    }

    async fn revoke(&self, id: Uuid, user: Uuid, meta: &Meta) -> Result<Done<()>, Error> {
        let revoke = session::Command::Revoke { user };
        let beside = vec![Secret::Drop(SESSION_OF)];
        let executed = self.execute_with::<Session>(id, revoke, beside, meta).await?;
        Ok(Done::new((), executed.position))
    }
}
