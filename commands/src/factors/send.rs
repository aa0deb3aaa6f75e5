//! Codes that are sent: asking for one, and setting up where they go.

use domain::{
    Category, Kind, Rejection,
    factors::{Command, Error as FactorsError, Factors, Method, PhoneNumber},
};
use eventlog::{Meta, Position};
use uuid::Uuid;

use super::token::ChallengeToken;
use crate::{Caller, Commands, Done, Error, Origin, Proof, idempotency::new_id};

/// Ways in which codes are sent, the better one first.
const SENT: [Method; 2] = [Method::Sms, Method::Email];

impl Commands {
    /// Sets up a telephone that codes go to, and sends one; it counts once that was shown.
    pub async fn set_up_phone(
        &self,
        caller: &Caller,
        proof: &Proof,
        phone: PhoneNumber,
    ) -> Result<Done<()>, Error> {
        self.set_up_sent(caller, proof, Method::Sms, Some(phone)).await
    }

    /// Has codes go to the mailbox of the account, and sends one; it counts once that was shown.
    pub async fn set_up_email(&self, caller: &Caller, proof: &Proof) -> Result<Done<()>, Error> {
        self.set_up_sent(caller, proof, Method::Email, None).await
    }

    /// Sends a code to somebody who has signed in; answers how.
    pub async fn send_code(
        &self,
        caller: &Caller,
        method: Option<Method>,
    ) -> Result<Done<Method>, Error> {
        caller.session()?;
        let factors = self.factors_of(caller.user).await?.state;
        let is_there =
            |method| factors.prepared(method).is_some() || factors.active(method).is_some();
        let method = chosen(method, is_there)?;
        let position = self.send(caller.user, method, None, &caller.meta()).await?;
        Ok(Done::new(method, position))
    }

    /// Sends a code for a sign-in that waits; answers how.
    pub async fn send_challenge_code(
        &self,
        token: &str,
        method: Option<Method>,
        origin: &Origin,
    ) -> Result<Done<Method>, Error> {
        let token = ChallengeToken::read(&self.0.tokens, token);
        let token = token.ok_or_else(|| Rejection::from(FactorsError::ChallengeOver))?;
        let factors = self.factors_of(token.user).await?.state;
        let method = chosen(method, |method| factors.active(method).is_some())?;
        let meta = Meta { actor: Some(token.user), ..origin.meta().about(token.user) };
        let position = self.send(token.user, method, Some(token.challenge), &meta).await?;
        Ok(Done::new(method, position))
    }

    async fn set_up_sent(
        &self,
        caller: &Caller,
        proof: &Proof,
        method: Method,
        phone: Option<PhoneNumber>,
    ) -> Result<Done<()>, Error> {
        caller.session()?;
        self.verified_email(caller).await?;
        self.step_up(caller, proof).await?;
        let stream = Category::Factors.stream_of(caller.user);
        let at = self.0.clock.now();
        let prepare = Command::Prepare { method, factor: new_id(), phone, at };
        self.execute::<Factors>(stream, prepare, &caller.meta()).await?;
        let position = self.send(caller.user, method, None, &caller.meta()).await?;
        Ok(Done::new((), position))
    }

    async fn send(
        &self,
        user: Uuid,
        method: Method,
        challenge: Option<Uuid>,
        meta: &Meta,
    ) -> Result<Position, Error> {
        let send = Command::Send { method, code: new_id(), challenge, at: self.0.clock.now() };
        let stream = Category::Factors.stream_of(user);
        Ok(self.execute::<Factors>(stream, send, meta).await?.position)
    }
}

/// The way that was asked for, or the best one there is.
fn chosen(asked: Option<Method>, is_there: impl Fn(Method) -> bool) -> Result<Method, Rejection> {
    match asked {
        Some(method) if method.is_sent() => Ok(method),
        Some(_) => {
            let detail = "codes of this kind are not sent";
            Err(Rejection::new(Kind::Invalid, "method_not_sent", detail))
        }
        None => SENT
            .into_iter()
            .find(|method| is_there(*method))
            .ok_or_else(|| FactorsError::NoSuchFactor.into()),
    }
}
