//! "This was not me": putting an account back, and the cases that this opens.

use domain::{
    ClaimScope,
    user::{self, UNDO, Undo, User},
};
use eventlog::Position;
use uuid::Uuid;

use super::{end::End, stale};
use crate::{Caller, Commands, Done, Error, Origin, idempotency::new_id, token::UndoProof};

impl Commands {
    /// The token with which a person puts their account back as it was before an event; only ever put
    /// into the notice of that event.
    #[must_use]
    pub fn undo_token(&self, user: Uuid, of: Position) -> String {
        UndoProof { user, of }.write(&self.0.tokens)
    }

    /// Puts an account back as it was before an event, ends what was signed in, and opens a case.
    pub async fn undo(&self, token: &str, origin: &Origin) -> Result<Done<Uuid>, Error> {
        let proof = UndoProof::read(&self.0.tokens, token).ok_or_else(stale)?;
        let command = self.undoing(proof).await?.ok_or_else(stale)?;
        let meta = origin.meta().about(proof.user).because("undo");
        let executed = self.execute::<User>(proof.user, command, &meta).await?;
        metrics::counter!("annals_undone_total").increment(1);
        tracing::warn!(user = %proof.user, of = proof.of, "somebody says that it was not them");
        let when = (executed.position, self.0.clock.now());
        self.end_before(proof.user, End::since(proof.of), when, &meta).await?;
        Ok(Done::new(proof.user, executed.position))
    }

    /// Settles a case, on behalf of an administrator.
    pub async fn resolve_case(&self, caller: &Caller, case: Uuid) -> Result<Done<()>, Error> {
        caller.admin()?;
        let holder = self.0.log.holder(ClaimScope::Case, case.as_bytes()).await;
        let user =
            holder.map_err(Error::Unavailable)?.ok_or_else(|| Error::missing("open case"))?;
        let command = user::Command::ResolveCase { case, at: self.0.clock.now() };
        let meta = caller.meta().about(user);
        let executed = self.execute::<User>(user, command, &meta).await?;
        Ok(Done::new((), executed.position))
    }

    /// What is to be done; none where it is too late or there was nothing before.
    async fn undoing(
        &self,
        UndoProof { user, of }: UndoProof,
    ) -> Result<Option<user::Command>, Error> {
        let log = &self.0.log;
        let at = self.0.clock.now();
        let found = log.read_at_most(of - 1, 1).await.map_err(Error::Unavailable)?;
        if found.first().is_none_or(|event| at - event.recorded_at >= UNDO) {
            return Ok(None);
        }
        let stream = log.stream(user).await.map_err(Error::Unavailable)?;
        let earlier = stream.iter().take_while(|event| event.position < of).last();
        let (Some(earlier), Some(last)) = (earlier, stream.last()) else { return Ok(None) };
        let before = log.load_until::<User>(user, earlier.version).await;
        let before = before.map_err(Error::Unavailable)?.state;
        let Some(before) = before.account().cloned() else { return Ok(None) };
        let (seen, case) = (last.position.max(of), new_id());
        Ok(Some(user::Command::Undo(Undo { of, seen, before: Box::new(before), case, at })))
    }
}
