//! Showing a passkey: as a second factor, as a way in of its own, and once more for what a session alone
//! does not open. As with codes, the log decides before anybody is told.

use domain::{
    Category, Kind, Rejection,
    factors::{Assertion, Command, Factors, Fault, NewDevice, Opens, Passkey, Signed, Way},
    user::User,
};
use eventlog::{AppendError, Meta};
use uuid::Uuid;
use webauthn_rs_core::proto::{
    AuthenticationState, PublicKeyCredential, PublicKeyCredentialRequestOptions,
};

use super::{
    super::{
        challenge::{Answer, may_sign_in},
        token::{ChallengeToken, DeviceToken},
    },
    Asks, Question, TRIES, over,
};
use crate::{
    Caller, Commands, Done, Error, Origin,
    execute::{Attempt, Decision, Executed},
    idempotency::{command_id, new_id},
};

/// What showing a passkey has come to.
#[derive(Clone, Debug)]
pub enum PasskeyShown {
    /// The person is in.
    SignedIn(Answer),
    /// The session may do more for some minutes.
    SteppedUp {
        /// Backup codes that are still good.
        backup_codes_left: usize,
    },
}

/// An answer of a browser, and what it answers.
pub(crate) struct Shown<'a> {
    ceremony: Uuid,
    state: AuthenticationState,
    answer: &'a PublicKeyCredential,
    opens: Opens,
}

impl Commands {
    /// Asks a browser for any passkey of anybody.
    pub fn ask_for_any_passkey(
        &self,
    ) -> Result<Question<PublicKeyCredentialRequestOptions>, Error> {
        let (question, state) = self.0.relying_party.ask(vec![], true)?;
        self.question(question.public_key, Asks::SignIn { state })
    }

    /// Asks for a passkey as the second factor of a sign-in that waits.
    pub async fn ask_for_passkey_of(
        &self,
        token: &str,
    ) -> Result<Question<PublicKeyCredentialRequestOptions>, Error> {
        let token = ChallengeToken::read(&self.0.tokens, token).ok_or_else(gone)?;
        let (user, challenge) = (token.user, token.challenge);
        let factors = self.factors_of(user).await?.state;
        factors.challenge(challenge, self.0.clock.now()).ok_or_else(gone)?;
        let (options, state) = self.ask_for_one_of(user, false).await?;
        self.question(options, Asks::Challenge { user, challenge, state })
    }

    /// Asks the caller for a passkey, once more.
    pub async fn ask_caller_for_passkey(
        &self,
        caller: &Caller,
    ) -> Result<Question<PublicKeyCredentialRequestOptions>, Error> {
        let (user, session) = (caller.user, caller.session()?);
        let (options, state) = self.ask_for_one_of(user, true).await?;
        self.question(options, Asks::StepUp { user, session, state })
    }

    /// Takes the answer of a browser that was asked for a passkey.
    pub async fn show_passkey(
        &self,
        (token, answer): (&str, &PublicKeyCredential),
        caller: Option<&Caller>,
        remember_device: bool,
        origin: &Origin,
    ) -> Result<Done<PasskeyShown>, Error> {
        let (ceremony, asks) = self.asked(token)?;
        match asks {
            Asks::SignIn { state } => {
                let opens = Opens::SignIn { session: new_id() };
                let shown = Shown { ceremony, state, answer, opens };
                self.sign_in_by_passkey(&shown, origin).await
            }
            Asks::Challenge { user, challenge, state } => {
                let device = remember_device
                    .then(|| NewDevice { id: new_id(), name: origin.user_agent.clone() });
                let opens = Opens::Challenge { challenge, session: new_id(), device };
                let shown = Shown { ceremony, state, answer, opens };
                self.answer_challenge_by_passkey(user, &shown, origin).await
            }
            Asks::StepUp { user, session, state } => {
                let caller = caller.ok_or_else(Error::unauthenticated)?;
                if (user, session) != (caller.user, caller.session()?) {
                    return Err(over());
                }
                let shown = Shown { ceremony, state, answer, opens: Opens::StepUp { session } };
                let person = self.load::<User>(user).await?.state;
                let executed = self.take_passkey((user, &person), &shown, &caller.meta()).await?;
                let backup_codes_left = executed.state.backup_codes_left();
                Ok(Done::new(PasskeyShown::SteppedUp { backup_codes_left }, executed.position))
            }
            Asks::Registration { .. } => Err(over()),
        }
    }

    /// Lets a person in who has shown a passkey and nothing else; limits were looked at.
    pub(crate) async fn enter_by_passkey(
        &self,
        found: Option<&(Uuid, User)>,
        shown: &Shown<'_>,
        origin: &Origin,
    ) -> Result<Done<PasskeyShown>, Error> {
        let Some((user, person)) = found else { return Err(wrong(&shown.opens).into()) };
        self.enter((*user, person), shown, Way::Passkey, origin).await
    }

    async fn answer_challenge_by_passkey(
        &self,
        user: Uuid,
        shown: &Shown<'_>,
        origin: &Origin,
    ) -> Result<Done<PasskeyShown>, Error> {
        let person = self.load::<User>(user).await?.state;
        may_sign_in(&person)?;
        let waiting = self.factors_of(user).await?.state;
        let waits = match &shown.opens {
            Opens::Challenge { challenge, .. } => waiting.challenge(*challenge, self.0.clock.now()),
            Opens::SignIn { .. } | Opens::StepUp { .. } => None,
        };
        let waits = waits.filter(|waits| !waits.is_older_than(&person));
        let way = waits.ok_or_else(gone)?.way;
        self.enter((user, &person), shown, way, origin).await
    }

    async fn enter(
        &self,
        (user, person): (Uuid, &User),
        shown: &Shown<'_>,
        way: Way,
        origin: &Origin,
    ) -> Result<Done<PasskeyShown>, Error> {
        let meta = Meta { actor: Some(user), ..origin.meta().about(user) };
        let executed = self.take_passkey((user, person), shown, &meta).await?;
        let (session, device) = match &shown.opens {
            Opens::Challenge { session, device, .. } => (*session, device.as_ref()),
            Opens::SignIn { session } | Opens::StepUp { session } => (*session, None),
        };
        let device_token =
            device.map(|device| DeviceToken { user, device: device.id }.write(&self.0.tokens));
        let backup_codes_left = executed.state.backup_codes_left();
        let done = self.start_session((user, session), person, way, origin).await?;
        let answer = Answer { signed_in: done.value, device_token, backup_codes_left };
        Ok(Done::new(PasskeyShown::SignedIn(answer), done.position))
    }

    async fn ask_for_one_of(
        &self,
        user: Uuid,
        needs_verification: bool,
    ) -> Result<(PublicKeyCredentialRequestOptions, AuthenticationState), Error> {
        let kept = self.kept_passkeys(user).await?;
        if kept.is_empty() {
            return Err(Rejection::from(domain::factors::Error::NoSuchFactor).into());
        }
        let (question, state) = self.0.relying_party.ask(kept, needs_verification)?;
        Ok((question.public_key, state))
    }

    /// Writes down what an answer was; an error if it is not right.
    async fn take_passkey(
        &self,
        (user, person): (Uuid, &User),
        shown: &Shown<'_>,
        meta: &Meta,
    ) -> Result<Executed<Factors>, Error> {
        let stream = Category::Factors.stream_of(user);
        let id = command_id(stream);
        let executed = match self.done_before::<Factors>(stream, id).await? {
            Some(done) => done,
            None => self.try_passkey(id, (user, person), shown, meta).await?,
        };
        let is_right = executed.state.was_right == Some(true);
        let outcome = if is_right { "right" } else { "wrong" };
        let purpose = purpose(&shown.opens);
        metrics::counter!("annals_passkeys_total", "purpose" => purpose, "outcome" => outcome)
            .increment(1);
        if is_right {
            return Ok(executed);
        }
        tracing::warn!(%user, purpose, "a passkey is refused");
        Err(wrong(&shown.opens).into())
    }

    async fn try_passkey(
        &self,
        id: Uuid,
        (user, person): (Uuid, &User),
        shown: &Shown<'_>,
        meta: &Meta,
    ) -> Result<Executed<Factors>, Error> {
        let stream = Category::Factors.stream_of(user);
        for _ in 0..TRIES {
            let loaded = self.load::<Factors>(stream).await?;
            let (passkey, found) = self.judge(user, &loaded.state, shown).await?;
            if found.is_ok() {
                may_sign_in(person)?;
            }
            let Shown { ceremony, opens, .. } = shown;
            let (ceremony, opens, at) = (*ceremony, opens.clone(), self.0.clock.now());
            let command = Command::ShowPasskey(Assertion { passkey, ceremony, found, opens, at });
            let decision = Decision { id, command, secrets: vec![] };
            match self.decide(stream, loaded, decision, meta).await {
                Err(Attempt::StreamMoved) => {}
                outcome => return Ok(outcome?),
            }
        }
        Err(AppendError::StreamMoved.into())
    }

    /// Which passkey an answer names, and what its signature is.
    async fn judge(
        &self,
        user: Uuid,
        factors: &Factors,
        shown: &Shown<'_>,
    ) -> Result<(Option<Uuid>, Result<Signed, Fault>), Error> {
        let known = factors.passkey_of(&self.passkey_hash(&shown.answer.raw_id));
        let Some(Passkey { id, .. }) = known else { return Ok((None, Err(Fault::Unknown))) };
        let kept = self.kept_passkey(user, *id).await?;
        let Some(kept) = kept else { return Ok((Some(*id), Err(Fault::Invalid))) };
        let handle = shown.answer.get_user_unique_id();
        if handle.is_some_and(|handle| handle != user.as_bytes()) {
            return Ok((Some(*id), Err(Fault::Invalid)));
        }
        let party = &self.0.relying_party;
        let found = party.verify(shown.answer, &shown.state, &kept)?;
        Ok((Some(*id), found))
    }
}

impl Shown<'_> {
    /// Whom the device says the passkey belongs to; it is believed only with the signature.
    pub(crate) fn says(&self) -> Option<Uuid> {
        Uuid::from_slice(self.answer.get_user_unique_id()?).ok()
    }
}

const fn purpose(opens: &Opens) -> &'static str {
    match opens {
        Opens::Challenge { .. } => "second_factor",
        Opens::SignIn { .. } => "sign_in",
        Opens::StepUp { .. } => "step_up",
    }
}

/// Says no more than that: what was wrong is in the log.
fn wrong(opens: &Opens) -> Rejection {
    let kind = match opens {
        Opens::Challenge { .. } | Opens::SignIn { .. } => Kind::Unauthenticated,
        Opens::StepUp { .. } => Kind::Forbidden,
    };
    let detail = "this passkey is not known here, or has not signed what it was asked to";
    Rejection::new(kind, "wrong_passkey", detail)
}

fn gone() -> Rejection {
    domain::factors::Error::ChallengeOver.into()
}
