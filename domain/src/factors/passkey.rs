//! Passkeys: key pairs that a person's devices hold (`WebAuthn` Level 3), as a second factor and as a way in
//! of their own.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{
    BACKUP_CODES, ClearReason, DEVICE_LIFETIME, Error, Event, Factors, Former, Method, NewDevice,
    Proven,
};
use crate::{Personal, Text};

/// How long a browser may take to ask a person for a passkey.
pub const CEREMONY_LIFETIME: TimeDelta = TimeDelta::minutes(5);
/// The most passkeys of one person.
pub const PASSKEYS: usize = 20;

/// A key pair that a device of the person's holds; the public key is kept beside the stream, sealed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Passkey {
    /// Tells it from the others.
    pub id: Uuid,
    /// A keyed hash of the id that its device gave it.
    pub credential: String,
    /// What its person calls it.
    pub name: Personal<Text>,
    /// How often its device says that it was used; always zero where it does not count.
    pub counter: u32,
    /// When it was registered.
    pub at: DateTime<Utc>,
    /// When it was used last.
    pub used_at: Option<DateTime<Utc>>,
}

/// A question to a browser that was answered.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Spent {
    /// The question.
    pub ceremony: Uuid,
    /// When it was answered.
    pub at: DateTime<Utc>,
}

/// A passkey to register.
#[derive(Clone, Debug)]
pub struct NewPasskey {
    /// Whose it is.
    pub user: Uuid,
    /// Its id.
    pub passkey: Uuid,
    /// What to call it.
    pub name: Text,
    /// A keyed hash of the id that its device gave it.
    pub credential: String,
    /// How often its device says that it was used.
    pub counter: u32,
    /// The question that it answers.
    pub ceremony: Uuid,
    /// The backup codes to give out with a first factor.
    pub set: Uuid,
    /// Now.
    pub at: DateTime<Utc>,
}

/// An answer that was signed, and what it is to open.
#[derive(Clone, Debug)]
pub struct Assertion {
    /// Which passkey it names; none where the person has no such passkey.
    pub passkey: Option<Uuid>,
    /// The question that it answers.
    pub ceremony: Uuid,
    /// What the signature was found to be.
    pub found: Result<Signed, Fault>,
    /// What it is to open.
    pub opens: Opens,
    /// Now.
    pub at: DateTime<Utc>,
}

/// What a good signature says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Signed {
    /// How often the device says that the passkey was used.
    pub counter: u32,
    /// Whether the device has made sure that it is the person: by a finger, a face, a PIN.
    pub is_verified: bool,
}

/// What is wrong with an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// The person has no such passkey.
    Unknown,
    /// It answers another question, is meant for somebody else, or is signed by another key.
    Invalid,
    /// The device has not made sure that it is the person.
    NotVerified,
    /// The device has counted less than before: there may be a copy of it (`WebAuthn` Level 3, section 7.2).
    CounterWentBack,
}

/// What a passkey is to open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Opens {
    /// An attempt to sign in that has shown all but a second factor.
    Challenge {
        /// Which.
        challenge: Uuid,
        /// The session that is to begin.
        session: Uuid,
        /// The device to remember from now on.
        device: Option<NewDevice>,
    },
    /// A session, without anything else.
    SignIn {
        /// The session that is to begin.
        session: Uuid,
    },
    /// What a session alone does not open.
    StepUp {
        /// The session.
        session: Uuid,
    },
}

impl Opens {
    const fn session(&self) -> Uuid {
        match self {
            Self::Challenge { session, .. }
            | Self::SignIn { session }
            | Self::StepUp { session } => *session,
        }
    }

    /// Whether the passkey is all that is shown, so that having it is not enough.
    #[must_use]
    pub const fn needs_verification(&self) -> bool {
        match self {
            Self::Challenge { .. } => false,
            Self::SignIn { .. } | Self::StepUp { .. } => true,
        }
    }
}

impl Passkey {
    fn judge(&self, signed: Signed, opens: &Opens) -> Result<Signed, Fault> {
        if opens.needs_verification() && !signed.is_verified {
            return Err(Fault::NotVerified);
        }
        let counts = signed.counter > 0 || self.counter > 0;
        if counts && signed.counter <= self.counter {
            return Err(Fault::CounterWentBack);
        }
        Ok(signed)
    }
}

impl Factors {
    /// The passkey with this keyed hash of its device's id.
    #[must_use]
    pub fn passkey_of(&self, credential: &str) -> Option<&Passkey> {
        self.passkeys.iter().find(|known| known.credential == credential)
    }

    /// Whether a session has just shown a passkey, and with it the person.
    #[must_use]
    pub fn has_shown_passkey(&self, session: Uuid, at: DateTime<Utc>) -> bool {
        self.is_proven_by(|proven| proven.session == session && proven.is_passkey, at)
    }

    pub(super) fn add_passkey(&self, new: NewPasskey) -> Result<Vec<Event>, Error> {
        let NewPasskey { user, passkey, name, credential, counter, ceremony, set, at } = new;
        self.unspent(ceremony)?;
        if self.passkey_of(&credential).is_some() {
            return Err(Error::PasskeyKnown);
        }
        if self.passkeys.len() >= PASSKEYS {
            return Err(Error::TooManyPasskeys);
        }
        let name = name.into();
        let mut events =
            vec![Event::PasskeyAdded { user, passkey, name, credential, counter, ceremony, at }];
        if self.backup_codes.is_none() {
            events.push(Event::BackupCodesMade { set, count: BACKUP_CODES, at });
        }
        Ok(events)
    }

    /// Takes an answer that is right, and writes any other down. What was refused to somebody who has
    /// shown nothing else locks nothing: strangers could lock people out, and no signature is guessed.
    pub(super) fn show_passkey(&self, shown: Assertion) -> Result<Vec<Event>, Error> {
        let Assertion { passkey, ceremony, found, opens, at } = shown;
        self.unspent(ceremony)?;
        let is_first = matches!(opens, Opens::SignIn { .. });
        if let Opens::Challenge { challenge, .. } = &opens {
            self.challenge(*challenge, at).ok_or(Error::ChallengeOver)?;
        }
        if !is_first {
            self.guard.check_pace(at)?;
            self.guard.check(Method::Passkey, at)?;
        }
        let known = self.passkeys.iter().find(|known| Some(known.id) == passkey);
        let Some(known) = known else {
            let fault = Fault::Unknown;
            return Ok(vec![Event::PasskeyRefused {
                passkey: None,
                ceremony,
                fault,
                is_first,
                at,
            }]);
        };
        match found.and_then(|signed| known.judge(signed, &opens)) {
            Ok(signed) => Ok(used(known.id, ceremony, signed, opens, at)),
            Err(fault) => {
                Ok(vec![Event::PasskeyRefused { passkey, ceremony, fault, is_first, at }])
            }
        }
    }

    /// Removes one passkey, or all of them. With the last factor everything about factors goes.
    pub(super) fn remove_passkeys(
        &self,
        user: Uuid,
        (which, may_turn_off): (Option<Uuid>, bool),
        at: DateTime<Utc>,
    ) -> Result<Vec<Event>, Error> {
        let is_it = |known: &&Passkey| which.is_none_or(|which| which == known.id);
        let mut events: Vec<Event> = self
            .passkeys
            .iter()
            .filter(is_it)
            .map(|known| Event::PasskeyRemoved { user, passkey: known.id, at })
            .collect();
        if events.is_empty() {
            return Err(Error::NoSuchPasskey);
        }
        if self.active.is_empty() && events.len() == self.passkeys.len() {
            if !may_turn_off {
                return Err(Error::LastFactor);
            }
            events.push(Event::Cleared { user, reason: ClearReason::Disabled, at });
        }
        Ok(events)
    }

    fn unspent(&self, ceremony: Uuid) -> Result<(), Error> {
        let is_spent = self.spent.iter().any(|spent| spent.ceremony == ceremony);
        if is_spent { Err(Error::CeremonyOver) } else { Ok(()) }
    }

    pub(super) fn evolve_passkeys(&mut self, event: &Event) {
        if let Event::PasskeyAdded { passkey, name, credential, counter, ceremony, at, .. } = event
        {
            let (id, credential, name) = (*passkey, credential.clone(), name.clone());
            let new = Passkey { id, credential, name, counter: *counter, at: *at, used_at: None };
            self.forget_outdated(*at);
            self.passkeys.retain(|known| known.id != id);
            self.passkeys.push(new);
            self.devices.clear();
            self.guard.succeed(Method::Passkey);
            self.spend(*ceremony, *at);
            self.was_right = Some(true);
        }
        if let Event::PasskeyUsed { passkey, ceremony, counter, is_verified, session, at } = event {
            for known in self.passkeys.iter_mut().filter(|known| known.id == *passkey) {
                known.counter = known.counter.max(*counter);
                known.used_at = Some(*at);
            }
            self.spend(*ceremony, *at);
            self.was_good(Method::Passkey, *at);
            self.prove(Proven { session: *session, at: *at, is_passkey: *is_verified });
        }
        if let Event::PasskeyRefused { ceremony, is_first, at, .. } = event {
            self.spend(*ceremony, *at);
            if !is_first {
                self.guard.refuse(&[Method::Passkey], false, *at);
            }
            self.was_right = Some(false);
        }
        if let Event::PasskeyRemoved { passkey, at, .. } = event {
            let passkeys = self.passkeys.extract_if(.., |known| known.id == *passkey).collect();
            self.keep_former(Former { factors: vec![], passkeys, backup_codes: None, at: *at });
        }
    }

    /// Questions that are too old are answered no more, and need not be remembered.
    fn spend(&mut self, ceremony: Uuid, at: DateTime<Utc>) {
        self.spent.retain(|spent| at - spent.at <= CEREMONY_LIFETIME);
        self.spent.push(Spent { ceremony, at });
    }
}

/// All that follows from an answer that is right.
fn used(
    passkey: Uuid,
    ceremony: Uuid,
    signed: Signed,
    opens: Opens,
    at: DateTime<Utc>,
) -> Vec<Event> {
    let (session, Signed { counter, is_verified }) = (opens.session(), signed);
    let used = Event::PasskeyUsed { passkey, ceremony, counter, is_verified, session, at };
    let Opens::Challenge { challenge, session, device } = opens else { return vec![used] };
    let mut events = vec![used, Event::ChallengeAnswered { challenge, session, at }];
    events.extend(device.map(|device| Event::DeviceRemembered {
        device: device.id,
        name: device.name.map(Personal::from),
        at,
        expires_at: at + DEVICE_LIFETIME,
    }));
    events
}
