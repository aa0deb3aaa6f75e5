//! What a person shows besides the password: factors, codes, challenges and remembered devices.

mod command;
mod error;
mod event;
mod evolve;
mod guard;
mod method;
mod passkey;
mod phone;
mod present;
#[cfg(test)]
mod tests;
mod undo;
mod way;

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

pub use command::{Command, NewDevice, Present, Purpose, Shown};
pub use error::Error;
pub use event::{ClearReason, Event};
pub use guard::{FAILURES, Guard, LOCK, PER_MINUTE};
pub use method::Method;
pub use passkey::{
    Assertion, CEREMONY_LIFETIME, Fault, NewPasskey, Opens, PASSKEYS, Passkey, Signed, Spent,
};
pub use phone::{InvalidPhoneNumber, PhoneNumber};
pub use undo::{Former, Undo};
pub use way::Way;

use crate::{Aggregate, Category, Personal, user::User};

/// How long a code that was sent is good.
pub const CODE_LIFETIME: TimeDelta = TimeDelta::minutes(5);
/// How long an attempt to sign in waits for its second factor.
pub const CHALLENGE_LIFETIME: TimeDelta = TimeDelta::minutes(10);
/// How long a device is remembered.
pub const DEVICE_LIFETIME: TimeDelta = TimeDelta::days(30);
/// How long somebody who has shown a factor need not show it again.
pub const FRESH: TimeDelta = TimeDelta::minutes(5);
/// Backup codes in a set.
pub const BACKUP_CODES: u8 = 10;
/// The shortest time between two codes that are sent.
const BETWEEN_CODES: TimeDelta = TimeDelta::seconds(30);
/// The most codes that are sent in an hour.
const CODES_PER_HOUR: usize = 10;
/// The most challenges that are open at once; an older one is given up for a newer one.
const OPEN_CHALLENGES: usize = 20;
/// The most devices that are remembered at once, likewise.
const DEVICES: usize = 20;

/// A person's second factors.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Factors {
    /// Those that are asked for.
    pub active: Vec<Factor>,
    /// Those that were set up and not shown yet, one of a kind.
    pub prepared: Vec<Factor>,
    /// Key pairs that the person's devices hold.
    pub passkeys: Vec<Passkey>,
    /// Questions about passkeys that were answered, as long as others could answer them again.
    pub spent: Vec<Spent>,
    /// Codes for when all else is lost.
    pub backup_codes: Option<BackupCodes>,
    /// Codes that are on their way, or there and not used yet.
    pub sent: Vec<SentCode>,
    /// When codes were sent in the last hour.
    pub sent_at: Vec<DateTime<Utc>>,
    /// Attempts to sign in that wait.
    pub challenges: Vec<Challenge>,
    /// Devices that need not show a factor.
    pub devices: Vec<Device>,
    /// Sessions that began with a factor, not long ago.
    pub proven: Vec<Proven>,
    /// What guesses have led to.
    pub guard: Guard,
    /// Whether the last code was right.
    pub was_right: Option<bool>,
    /// What was replaced lately.
    pub former: Vec<Former>,
    /// The place in the log of the account's last undoing that was followed.
    pub undone: Option<i64>,
}

/// Something that a person has.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Factor {
    /// Tells it from those before and after it.
    pub id: Uuid,
    /// What it is.
    pub method: Method,
    /// Where its codes go, if they go to a telephone.
    pub phone: Option<Personal<PhoneNumber>>,
    /// The last time step of which a code was taken (RFC 6238, section 5.2).
    pub last_step: Option<u64>,
}

/// A set of backup codes; what they are is kept beside the stream, as hashes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BackupCodes {
    /// Tells it from the sets before and after it.
    pub set: Uuid,
    /// The places of those that are still good.
    pub unused: BTreeSet<u8>,
}

/// A code that was sent.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SentCode {
    /// What the code is derived from, together with a key of the service.
    pub id: Uuid,
    /// How it was sent.
    pub method: Method,
    /// The attempt to sign in that it is for; none where the person has signed in.
    pub challenge: Option<Uuid>,
    /// When it stops being good.
    pub expires_at: DateTime<Utc>,
}

/// An attempt to sign in that has shown all but a second factor.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Challenge {
    /// Tells one attempt from the next.
    pub id: Uuid,
    /// Which way in the person took.
    pub way: Way,
    /// When it is given up.
    pub expires_at: DateTime<Utc>,
}

/// A device that need not show a factor.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Device {
    /// Opens nothing by itself.
    pub id: Uuid,
    /// The program, in its own words.
    pub name: Option<Personal<String>>,
    /// When it was remembered.
    pub at: DateTime<Utc>,
    /// When it is forgotten.
    pub expires_at: DateTime<Utc>,
}

/// A session that began with a factor.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Proven {
    /// The session.
    pub session: Uuid,
    /// When the factor was shown.
    pub at: DateTime<Utc>,
    /// Whether it was a passkey whose device has made sure that it is the person.
    pub is_passkey: bool,
}

impl Challenge {
    /// Whether it was opened with a password that is another one by now.
    #[must_use]
    pub fn is_older_than(&self, person: &User) -> bool {
        let replaced = person.account().and_then(|account| account.replaced.last());
        replaced.is_some_and(|replaced| self.expires_at - CHALLENGE_LIFETIME <= replaced.at)
    }
}

impl Factors {
    /// Whether the password alone is not enough.
    #[must_use]
    pub fn is_enabled(&self) -> bool {
        !self.active.is_empty() || !self.passkeys.is_empty()
    }

    /// What can be shown.
    #[must_use]
    pub fn methods(&self) -> Vec<Method> {
        let backup = self.backup_codes.as_ref().filter(|codes| !codes.unused.is_empty());
        let backup = backup.filter(|_| self.is_enabled()).map(|_| Method::BackupCode);
        let passkey = self.passkeys.first().map(|_| Method::Passkey);
        self.active.iter().map(|factor| factor.method).chain(passkey).chain(backup).collect()
    }

    /// The factor of a kind that is asked for.
    #[must_use]
    pub fn active(&self, method: Method) -> Option<&Factor> {
        self.active.iter().find(|factor| factor.method == method)
    }

    /// The factor of a kind that was set up and not shown yet.
    #[must_use]
    pub fn prepared(&self, method: Method) -> Option<&Factor> {
        self.prepared.iter().find(|factor| factor.method == method)
    }

    /// Backup codes that are still good.
    #[must_use]
    pub fn backup_codes_left(&self) -> usize {
        self.backup_codes.as_ref().map_or(0, |codes| codes.unused.len())
    }

    /// The attempt to sign in of this id, if it still waits.
    #[must_use]
    pub fn challenge(&self, id: Uuid, at: DateTime<Utc>) -> Option<&Challenge> {
        self.challenges.iter().find(|open| open.id == id && at < open.expires_at)
    }

    /// The code that was sent in this way and for this attempt last, if it is still good.
    #[must_use]
    pub fn sent(
        &self,
        method: Method,
        challenge: Option<Uuid>,
        at: DateTime<Utc>,
    ) -> Option<&SentCode> {
        let is_it = |code: &&SentCode| code.method == method && code.challenge == challenge;
        self.sent.iter().find(is_it).filter(|code| at < code.expires_at)
    }

    /// The number that a code goes to.
    #[must_use]
    pub fn phone_for(&self, sent: &SentCode) -> Option<&PhoneNumber> {
        let prepared = self.prepared(sent.method).filter(|_| sent.challenge.is_none());
        let factor = prepared.or_else(|| self.active(sent.method))?;
        factor.phone.as_ref().and_then(Personal::known)
    }

    /// Whether a device need not show a factor.
    #[must_use]
    pub fn remembers(&self, device: Uuid, at: DateTime<Utc>) -> bool {
        self.devices.iter().any(|known| known.id == device && at < known.expires_at)
    }

    /// Whether a session has just shown a factor.
    #[must_use]
    pub fn is_proven(&self, session: Uuid, at: DateTime<Utc>) -> bool {
        self.is_proven_by(|proven| proven.session == session, at)
    }

    fn is_proven_by(&self, is_it: impl Fn(&Proven) -> bool, at: DateTime<Utc>) -> bool {
        self.proven.iter().any(|proven| is_it(proven) && at - proven.at <= FRESH)
    }

    fn send(
        &self,
        method: Method,
        code: Uuid,
        challenge: Option<Uuid>,
        at: DateTime<Utc>,
    ) -> Result<Vec<Event>, Error> {
        if let Some(challenge) = challenge {
            self.challenge(challenge, at).ok_or(Error::ChallengeOver)?;
        }
        let is_there =
            self.active(method).is_some() || challenge.is_none() && self.prepared(method).is_some();
        if !is_there || !method.is_sent() {
            return Err(Error::NoSuchFactor);
        }
        self.guard.check(method, at)?;
        let recent = self.sent_at.iter().filter(|sent| at - **sent < TimeDelta::hours(1));
        let is_soon = self.sent_at.iter().any(|sent| at - *sent < BETWEEN_CODES);
        if is_soon || recent.count() >= CODES_PER_HOUR {
            return Err(Error::TooManyCodes);
        }
        Ok(vec![Event::CodeSent { code, method, challenge, at, expires_at: at + CODE_LIFETIME }])
    }
}

impl Aggregate for Factors {
    const CATEGORY: Category = Category::Factors;
    type Command = Command;
    type Event = Event;
    type Error = Error;

    fn decide(&self, command: Command) -> Result<Vec<Event>, Error> {
        match command {
            Command::Prepare { method, factor, phone, at } => {
                self.guard.check(method, at)?;
                Ok(vec![Event::Prepared { method, factor, phone: phone.map(Personal::from), at }])
            }
            Command::Send { method, code, challenge, at } => self.send(method, code, challenge, at),
            Command::Challenge { challenge, way, at } if self.is_enabled() => {
                let expires_at = at + CHALLENGE_LIFETIME;
                Ok(vec![Event::ChallengeOpened { challenge, way, at, expires_at }])
            }
            Command::Present(present) => self.present(present),
            Command::AddPasskey(new) => self.add_passkey(new),
            Command::ShowPasskey(shown) => self.show_passkey(shown),
            Command::RemovePasskeys { user, passkey, may_turn_off, at } => {
                self.remove_passkeys(user, (passkey, may_turn_off), at)
            }
            Command::MakeBackupCodes { set, at } if self.is_enabled() => {
                Ok(vec![Event::BackupCodesMade { set, count: BACKUP_CODES, at }])
            }
            Command::Challenge { .. } | Command::MakeBackupCodes { .. } => Err(Error::NotEnabled),
            Command::ForgetDevice { device } => {
                let is_it = |known: &&Device| device.is_none_or(|device| device == known.id);
                let devices: Vec<_> = self.devices.iter().filter(is_it).map(|it| it.id).collect();
                match (devices.is_empty(), device) {
                    (true, Some(_)) => Err(Error::NoSuchDevice),
                    (true, None) => Ok(vec![]),
                    (false, _) => Ok(vec![Event::DevicesForgotten { devices }]),
                }
            }
            Command::ForgetDevicesOf { until } => {
                let devices = self.devices.iter().filter(|known| known.at <= until);
                let devices: Vec<_> = devices.map(|known| known.id).collect();
                if devices.is_empty() {
                    return Ok(vec![]);
                }
                Ok(vec![Event::DevicesForgotten { devices }])
            }
            Command::Undo(undo) => Ok(self.undo(undo)),
            Command::Clear { .. } if self.is_untouched() => Ok(vec![]),
            Command::Clear { user, reason, at } => Ok(vec![Event::Cleared { user, reason, at }]),
        }
    }

    fn evolve(&mut self, event: &Event) {
        self.take_in(event);
    }
}
