//! Passkeys: registering them, looking at them, removing them.

mod ceremony;
mod relying_party;
mod show;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use domain::{
    Category, Personal, Rejection, Text,
    factors::{
        CEREMONY_LIFETIME, Command, Error as FactorsError, Event, Factors, NewPasskey, Passkey,
    },
    user::User,
};
use eventlog::{AppendError, Meta, Secret};
use serde::Serialize;
use uuid::Uuid;
use webauthn_rs_core::proto::{Credential, PublicKeyCredentialCreationOptions};

pub(crate) use relying_party::RelyingParty;
pub use show::PasskeyShown;
pub(crate) use show::Shown;
pub use webauthn_rs_core::proto::{PublicKeyCredential, RegisterPublicKeyCredential};

use super::{BACKUP_CODES, Enrolled, PASSKEY, backup_code, outdated};
use crate::{
    Caller, Commands, Done, Error, Proof,
    execute::{Attempt, Decision, Executed},
    idempotency::{command_id, new_id},
};
use ceremony::{Asks, Ceremony};
use relying_party::Holder;

/// How often passkeys are looked at again because others were faster.
const TRIES: u32 = 12;

/// A question for a browser.
#[derive(Clone, Debug, Serialize)]
pub struct Question<T> {
    /// Comes back with the answer.
    pub token: String,
    /// What `navigator.credentials` is asked, as JSON (`WebAuthn` Level 3, section 5.1.8 and 5.1.9).
    pub options: T,
    /// Seconds that there are for an answer.
    pub expires_in: i64,
}

impl Commands {
    /// Asks the caller's browser for a new passkey.
    pub async fn start_passkey(
        &self,
        caller: &Caller,
        proof: &Proof,
    ) -> Result<Question<PublicKeyCredentialCreationOptions>, Error> {
        let (user, session) = (caller.user, caller.session()?);
        let email = self.verified_email(caller).await?;
        self.step_up(caller, proof).await?;
        let person = self.load::<User>(user).await?.state;
        let name = person.account().and_then(|account| account.name.as_ref());
        let name = name.and_then(Personal::known).map_or_else(|| email.clone(), Text::to_string);
        let kept = self.kept_passkeys(user).await?;
        let known = kept.into_iter().map(|kept| kept.cred_id).collect();
        let holder = Holder { handle: user.as_bytes(), email: &email, name: &name };
        let (question, state) = self.0.relying_party.ask_for_new(&holder, known)?;
        self.question(question.public_key, Asks::Registration { user, session, state })
    }

    /// Takes the new passkey that the caller's browser was asked for.
    pub async fn register_passkey(
        &self,
        caller: &Caller,
        (token, name): (&str, Text),
        answer: &RegisterPublicKeyCredential,
    ) -> Result<Done<Enrolled>, Error> {
        let session = caller.session()?;
        self.verified_email(caller).await?;
        let (id, asks) = self.asked(token)?;
        let Asks::Registration { user, session: asked, state } = asks else { return Err(over()) };
        if (user, asked) != (caller.user, session) {
            return Err(over());
        }
        let credential = self.0.relying_party.register(answer, &state)?;
        let codes = backup_code::generate()?;
        let set = new_id();
        let command = Command::AddPasskey(NewPasskey {
            user,
            passkey: new_id(),
            name,
            credential: self.passkey_hash(&credential.cred_id),
            counter: credential.counter,
            ceremony: id,
            set,
            at: self.0.clock.now(),
        });
        let new = Some(self.sealed_passkey(user, &credential).await?);
        let change = Change { command, new, codes: &codes };
        let executed = self.change_passkeys(user, change, &caller.meta()).await?;
        let has_new_codes = executed.state.backup_codes.as_ref().is_some_and(|it| it.set == set);
        let backup_codes_left = executed.state.backup_codes_left();
        let enrolled = Enrolled { backup_codes: has_new_codes.then_some(codes), backup_codes_left };
        Ok(Done::new(enrolled, executed.position))
    }

    /// The caller's passkeys, as the log says.
    pub async fn passkeys(&self, caller: &Caller) -> Result<Vec<Passkey>, Error> {
        caller.scope("account")?;
        Ok(self.factors_of(caller.user).await?.state.passkeys)
    }

    /// Removes a passkey of the caller's, or all. The last factor goes as two-factor authentication is
    /// turned off: with the password and a code, or with a passkey that was shown just now.
    pub async fn remove_passkeys(
        &self,
        caller: &Caller,
        passkey: Option<Uuid>,
        proof: &Proof,
    ) -> Result<Done<()>, Error> {
        let (user, session) = (caller.user, caller.session()?);
        self.step_up(caller, proof).await?;
        let (factors, at) = (self.factors_of(user).await?.state, self.0.clock.now());
        let may_turn_off = proof.password.is_some() && proof.code.is_some()
            || factors.has_shown_passkey(session, at);
        let command = Command::RemovePasskeys { user, passkey, may_turn_off, at };
        let change = Change { command, new: None, codes: &[] };
        let executed = self.change_passkeys(user, change, &caller.meta()).await?;
        Ok(Done::new((), executed.position))
    }

    async fn change_passkeys(
        &self,
        user: Uuid,
        change: Change<'_>,
        meta: &Meta,
    ) -> Result<Executed<Factors>, Error> {
        let stream = Category::Factors.stream_of(user);
        let id = command_id(stream);
        if let Some(done) = self.done_before::<Factors>(stream, id).await? {
            return Ok(done);
        }
        for _ in 0..TRIES {
            let loaded = self.load::<Factors>(stream).await?;
            let command = change.command.clone();
            let events = domain::Aggregate::decide(&loaded.state, command.clone())
                .map_err(Rejection::from)?;
            let secrets = self.beside_passkeys(&loaded.state, &events, &change);
            match self.decide(stream, loaded, Decision { id, command, secrets }, meta).await {
                Err(Attempt::StreamMoved) => {}
                outcome => return Ok(outcome?),
            }
        }
        Err(AppendError::StreamMoved.into())
    }

    /// What is written beside the events.
    fn beside_passkeys(
        &self,
        factors: &Factors,
        events: &[Event],
        change: &Change<'_>,
    ) -> Vec<Secret> {
        let Some(new) = &change.new else { return vec![] };
        let mut secrets = Vec::new();
        for event in events {
            if let Event::PasskeyAdded { passkey, at, .. } = event {
                secrets.extend(outdated(factors, *at));
                secrets.push(Secret::PutOne(PASSKEY, *passkey, new.clone()));
            }
            if let Event::BackupCodesMade { set, .. } = event {
                let hashes = backup_code::hashes(&self.0.tokens, *set, change.codes);
                secrets.push(Secret::PutOne(BACKUP_CODES, *set, hashes));
            }
        }
        secrets
    }

    async fn sealed_passkey(&self, user: Uuid, credential: &Credential) -> Result<Vec<u8>, Error> {
        let clear = serde_json::to_vec(credential).map_err(anyhow::Error::from)?;
        let stream = Category::Factors.stream_of(user);
        let sealed = self.0.log.seal_for(user, &clear, stream.as_bytes()).await;
        sealed.map_err(Error::Unavailable)
    }

    /// The public key of a passkey; none once it is forgotten.
    async fn kept_passkey(&self, user: Uuid, passkey: Uuid) -> Result<Option<Credential>, Error> {
        let stream = Category::Factors.stream_of(user);
        let sealed = self.0.log.secret(stream, &Secret::one_of(PASSKEY, passkey)).await;
        let Some(sealed) = sealed.map_err(Error::Unavailable)? else { return Ok(None) };
        let clear = self.0.log.open_for(user, &sealed, stream.as_bytes()).await;
        let Some(clear) = clear.map_err(Error::Unavailable)? else { return Ok(None) };
        Ok(Some(serde_json::from_slice(&clear).map_err(anyhow::Error::from)?))
    }

    async fn kept_passkeys(&self, user: Uuid) -> Result<Vec<Credential>, Error> {
        let mut kept = Vec::new();
        for passkey in self.factors_of(user).await?.state.passkeys {
            kept.extend(self.kept_passkey(user, passkey.id).await?);
        }
        Ok(kept)
    }

    /// How the stream knows a passkey: nobody finds its device's id in it without the service's key.
    fn passkey_hash(&self, id: &[u8]) -> String {
        URL_SAFE_NO_PAD.encode(self.0.tokens.mac(&[b"passkey", id]))
    }

    fn question<T>(&self, options: T, asks: Asks) -> Result<Question<T>, Error> {
        let ceremony = Ceremony::new(new_id(), asks, self.0.clock.now());
        let token = ceremony.write(&self.0.tokens).map_err(Error::Internal)?;
        Ok(Question { token, options, expires_in: CEREMONY_LIFETIME.num_seconds() })
    }

    fn asked(&self, token: &str) -> Result<(Uuid, Asks), Error> {
        let ceremony = Ceremony::read(&self.0.tokens, token, self.0.clock.now())?;
        Ok((ceremony.id, ceremony.asks))
    }
}

/// What is to become of somebody's passkeys.
struct Change<'a> {
    command: Command,
    /// The public key of a new one, sealed.
    new: Option<Vec<u8>>,
    /// The backup codes to give out with a first factor.
    codes: &'a [String],
}

fn over() -> Error {
    Rejection::from(FactorsError::CeremonyOver).into()
}
