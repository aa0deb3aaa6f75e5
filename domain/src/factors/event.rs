//! What can have happened to a person's factors. Secrets and codes are never in here.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{BackupCodes, Factor, Fault, Method, Passkey, PhoneNumber, Way};
use crate::{Personal, Text};

/// What can have happened to a person's factors.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Event {
    /// One was set up, and counts once it was shown.
    #[serde(rename = "factors.prepared")]
    Prepared {
        /// What kind.
        method: Method,
        /// Its id.
        factor: Uuid,
        /// Where its codes go.
        phone: Option<Personal<PhoneNumber>>,
        /// When.
        at: DateTime<Utc>,
    },
    /// One was shown, and is asked for from now on.
    #[serde(rename = "factors.added")]
    Added {
        /// Whose it is.
        user: Uuid,
        /// What kind.
        method: Method,
        /// Its id.
        factor: Uuid,
        /// The time step that was shown.
        step: Option<u64>,
        /// Where its codes go.
        phone: Option<Personal<PhoneNumber>>,
        /// When.
        at: DateTime<Utc>,
    },
    /// A code was to be sent.
    #[serde(rename = "factors.code_sent")]
    CodeSent {
        /// What it is derived from, together with a key of the service.
        code: Uuid,
        /// How.
        method: Method,
        /// The attempt to sign in that it is for.
        challenge: Option<Uuid>,
        /// When.
        at: DateTime<Utc>,
        /// When it stops being good.
        expires_at: DateTime<Utc>,
    },
    /// A code was right.
    #[serde(rename = "factors.code_accepted")]
    CodeAccepted {
        /// Of which kind.
        method: Method,
        /// Of which factor, where it was not sent.
        factor: Option<Uuid>,
        /// Of which time step.
        step: Option<u64>,
        /// Which of those that were sent.
        code: Option<Uuid>,
        /// When.
        at: DateTime<Utc>,
    },
    /// A code was wrong.
    #[serde(rename = "factors.code_refused")]
    CodeRefused {
        /// All that it could have been meant as.
        methods: Vec<Method>,
        /// Whether it had been right before.
        is_repeated: bool,
        /// When.
        at: DateTime<Utc>,
    },
    /// Backup codes were given out; their hashes were stored beside.
    #[serde(rename = "factors.backup_codes_made")]
    BackupCodesMade {
        /// The set.
        set: Uuid,
        /// How many.
        count: u8,
        /// When.
        at: DateTime<Utc>,
    },
    /// A backup code was used up.
    #[serde(rename = "factors.backup_code_used")]
    BackupCodeUsed {
        /// Of which set.
        set: Uuid,
        /// Its place in it.
        ordinal: u8,
        /// When.
        at: DateTime<Utc>,
    },
    /// An attempt to sign in has to show a factor.
    #[serde(rename = "factors.challenge_opened")]
    ChallengeOpened {
        /// Which.
        challenge: Uuid,
        /// Which way in the person took.
        way: Way,
        /// When.
        at: DateTime<Utc>,
        /// When it is given up.
        expires_at: DateTime<Utc>,
    },
    /// It has shown one.
    #[serde(rename = "factors.challenge_answered")]
    ChallengeAnswered {
        /// Which.
        challenge: Uuid,
        /// The session that began.
        session: Uuid,
        /// When.
        at: DateTime<Utc>,
    },
    /// A device need not show a factor any more.
    #[serde(rename = "factors.device_remembered")]
    DeviceRemembered {
        /// Which.
        device: Uuid,
        /// The program, in its own words.
        name: Option<Personal<String>>,
        /// When.
        at: DateTime<Utc>,
        /// When it is forgotten.
        expires_at: DateTime<Utc>,
    },
    /// Devices have to show a factor again.
    #[serde(rename = "factors.devices_forgotten")]
    DevicesForgotten {
        /// Which.
        devices: Vec<Uuid>,
    },
    /// They are as they were before something that was not the person.
    #[serde(rename = "factors.undone")]
    Undone {
        /// Whose they are.
        user: Uuid,
        /// The place in the log of the account's own undoing, which this follows from.
        by: i64,
        /// Those that are asked for from now on.
        active: Vec<Factor>,
        /// The passkeys among them.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        passkeys: Vec<Passkey>,
        /// The codes for when all else is lost.
        backup_codes: Option<BackupCodes>,
        /// When.
        at: DateTime<Utc>,
    },
    /// A passkey was registered, and is asked for from now on; its public key was stored beside.
    #[serde(rename = "factors.passkey_added")]
    PasskeyAdded {
        /// Whose it is.
        user: Uuid,
        /// Its id.
        passkey: Uuid,
        /// What its person calls it.
        name: Personal<Text>,
        /// A keyed hash of the id that its device gave it.
        credential: String,
        /// How often its device says that it was used.
        counter: u32,
        /// The question that it answered.
        ceremony: Uuid,
        /// When.
        at: DateTime<Utc>,
    },
    /// A passkey has signed what it was asked to.
    #[serde(rename = "factors.passkey_used")]
    PasskeyUsed {
        /// Which.
        passkey: Uuid,
        /// The question that it answered.
        ceremony: Uuid,
        /// How often its device says that it was used.
        counter: u32,
        /// Whether its device has made sure that it was the person.
        is_verified: bool,
        /// The session that showed it or began with it.
        session: Uuid,
        /// When.
        at: DateTime<Utc>,
    },
    /// What a passkey was to have signed was refused.
    #[serde(rename = "factors.passkey_refused")]
    PasskeyRefused {
        /// Which; none where the person has no such passkey.
        passkey: Option<Uuid>,
        /// The question that was to be answered.
        ceremony: Uuid,
        /// What was wrong.
        fault: Fault,
        /// Whether nothing else had been shown before.
        is_first: bool,
        /// When.
        at: DateTime<Utc>,
    },
    /// A passkey was removed. Its public key is kept until nobody can go back to it.
    #[serde(rename = "factors.passkey_removed")]
    PasskeyRemoved {
        /// Whose it was.
        user: Uuid,
        /// Which.
        passkey: Uuid,
        /// When.
        at: DateTime<Utc>,
    },
    /// All factors are gone.
    #[serde(rename = "factors.cleared")]
    Cleared {
        /// Whose they were.
        user: Uuid,
        /// Why.
        reason: ClearReason,
        /// When.
        at: DateTime<Utc>,
    },
}

/// Why all factors are gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClearReason {
    /// The person has turned them off.
    Disabled,
    /// An administrator has.
    Reset,
    /// The person was erased.
    Erased,
}
