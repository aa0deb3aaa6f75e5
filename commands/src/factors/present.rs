//! Taking a code. The log decides: what a code was is told only once it is written down, so that no
//! guess is made that was not counted, also not by those who guess in parallel.

use domain::{
    Category, Kind, Rejection,
    factors::{Command, Event, Factors, Present, Purpose},
};
use eventlog::{AppendError, Loaded, Meta, Position, Secret};
use uuid::Uuid;

use super::{BACKUP_CODES, backup_code, code::Typed, outdated};
use crate::{
    Commands, Error,
    execute::{Attempt, Decision, Executed},
    idempotency::command_id,
};

/// How often a code is looked at again because others were faster.
const TRIES: u32 = 12;

/// A code that was right.
pub(crate) struct Presented {
    /// What holds now.
    pub factors: Factors,
    /// The backup codes that were given out with it.
    pub backup_codes: Option<Vec<String>>,
    /// From where on this can be read.
    pub position: Position,
}

impl Commands {
    /// Takes a code for a purpose; an error if it is wrong.
    pub(crate) async fn present(
        &self,
        user: Uuid,
        typed: &Typed,
        purpose: &Purpose,
        meta: &Meta,
    ) -> Result<Presented, Error> {
        let stream = Category::Factors.stream_of(user);
        let id = command_id(stream);
        let backup_codes = backup_code::generate()?;
        let executed = match self.done_before::<Factors>(stream, id).await? {
            Some(done) => done,
            None => self.try_code(id, (user, typed, purpose), &backup_codes, meta).await?,
        };
        let is_right = executed.state.was_right == Some(true);
        self.tell_of_code(user, &executed.state, purpose, is_right);
        if !is_right {
            return Err(wrong(purpose).into());
        }
        let has_new_codes = match (purpose, &executed.state.backup_codes) {
            (Purpose::Enrol { set }, Some(codes)) => codes.set == *set,
            _ => false,
        };
        let backup_codes = has_new_codes.then_some(backup_codes);
        Ok(Presented { factors: executed.state, backup_codes, position: executed.position })
    }

    async fn try_code(
        &self,
        id: Uuid,
        (user, typed, purpose): (Uuid, &Typed, &Purpose),
        backup_codes: &[String],
        meta: &Meta,
    ) -> Result<Executed<Factors>, Error> {
        let stream = Category::Factors.stream_of(user);
        for _ in 0..TRIES {
            let loaded: Loaded<Factors> = self.load(stream).await?;
            let at = self.0.clock.now();
            let shown = self.readings((user, &loaded.state), typed, purpose, at).await?;
            let present = Present { user, shown, purpose: purpose.clone(), at };
            let events =
                domain::Aggregate::decide(&loaded.state, Command::Present(present.clone()))
                    .map_err(Rejection::from)?;
            let secrets = self.beside(&loaded.state, &events, backup_codes);
            let decision = Decision { id, command: Command::Present(present), secrets };
            match self.decide(stream, loaded, decision, meta).await {
                Err(Attempt::StreamMoved) => {}
                outcome => return Ok(outcome?),
            }
        }
        Err(AppendError::StreamMoved.into())
    }

    /// What is written beside the events.
    fn beside(&self, factors: &Factors, events: &[Event], backup_codes: &[String]) -> Vec<Secret> {
        let made = events.iter().find_map(|event| match event {
            Event::BackupCodesMade { set, at, .. } => Some((*set, *at)),
            _ => None,
        });
        let Some((set, at)) = made else { return vec![] };
        let mut secrets = outdated(factors, at);
        let hashes = backup_code::hashes(&self.0.tokens, set, backup_codes);
        secrets.push(Secret::PutOne(BACKUP_CODES, set, hashes));
        secrets
    }

    fn tell_of_code(&self, user: Uuid, factors: &Factors, purpose: &Purpose, is_right: bool) {
        let purpose = match purpose {
            Purpose::SignIn { .. } => "sign_in",
            Purpose::StepUp => "step_up",
            Purpose::Enrol { .. } => "enrol",
        };
        let outcome = if is_right { "right" } else { "wrong" };
        metrics::counter!("annals_codes_total", "purpose" => purpose, "outcome" => outcome)
            .increment(1);
        let locked = factors.guard.any_locked_until(self.0.clock.now());
        if let Some(until) = locked.filter(|_| !is_right) {
            tracing::warn!(%user, purpose, %until, "a wrong code; a factor is locked");
        }
    }
}

/// Says no more than that: which factor it might have been is nobody's business.
fn wrong(purpose: &Purpose) -> Rejection {
    let detail = "this code is wrong, too old, or was used already";
    match purpose {
        Purpose::SignIn { .. } => Rejection::new(Kind::Unauthenticated, "invalid_code", detail),
        Purpose::StepUp => Rejection::new(Kind::Forbidden, "wrong_code", detail),
        Purpose::Enrol { .. } => Rejection::new(Kind::Invalid, "wrong_code", detail),
    }
}
