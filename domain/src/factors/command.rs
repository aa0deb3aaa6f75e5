//! What may be asked of a person's factors.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::{Assertion, ClearReason, Method, NewPasskey, PhoneNumber, Undo, Way};

/// What may be asked of a person's factors.
#[derive(Clone, Debug)]
pub enum Command {
    /// Begin to set one up; it counts once it was shown.
    Prepare {
        /// What kind.
        method: Method,
        /// Its id.
        factor: Uuid,
        /// Where its codes go.
        phone: Option<PhoneNumber>,
        /// Now.
        at: DateTime<Utc>,
    },
    /// Send a code.
    Send {
        /// How.
        method: Method,
        /// What it is derived from.
        code: Uuid,
        /// The attempt to sign in that it is for.
        challenge: Option<Uuid>,
        /// Now.
        at: DateTime<Utc>,
    },
    /// Have an attempt to sign in wait for a factor.
    Challenge {
        /// Its id.
        challenge: Uuid,
        /// Which way in the person took.
        way: Way,
        /// Now.
        at: DateTime<Utc>,
    },
    /// Take a code.
    Present(Present),
    /// Register a passkey.
    AddPasskey(NewPasskey),
    /// Take what a passkey has signed.
    ShowPasskey(Assertion),
    /// Remove a passkey, or all of them.
    RemovePasskeys {
        /// Whose they are.
        user: Uuid,
        /// Which; none means all.
        passkey: Option<Uuid>,
        /// Whether the last factor may go, and two-factor authentication with it.
        may_turn_off: bool,
        /// Now.
        at: DateTime<Utc>,
    },
    /// Replace the backup codes.
    MakeBackupCodes {
        /// The new set.
        set: Uuid,
        /// Now.
        at: DateTime<Utc>,
    },
    /// Forget a remembered device, or all of them.
    ForgetDevice {
        /// Which; none means all.
        device: Option<Uuid>,
    },
    /// Forget all devices that were remembered until then.
    ForgetDevicesOf {
        /// Until when.
        until: DateTime<Utc>,
    },
    /// Put all factors back.
    Undo(Undo),
    /// Take all factors away.
    Clear {
        /// Whose they are.
        user: Uuid,
        /// Why.
        reason: ClearReason,
        /// Now.
        at: DateTime<Utc>,
    },
}

/// A code and what it is to open.
#[derive(Clone, Debug)]
pub struct Present {
    /// Whose it is.
    pub user: Uuid,
    /// All that the code can be meant as; right if one of them is.
    pub shown: Vec<Shown>,
    /// What it is to open.
    pub purpose: Purpose,
    /// Now.
    pub at: DateTime<Utc>,
}

/// What a code was found to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shown {
    /// A code of an app.
    Totp {
        /// The factor whose secret it was compared with.
        factor: Uuid,
        /// The time step that it is of; none where it is of no recent one.
        step: Option<u64>,
    },
    /// A code that was sent.
    Sent {
        /// Which it was compared with.
        code: Uuid,
        /// Whether it is that one.
        is_right: bool,
    },
    /// A code that was written down.
    BackupCode {
        /// The set that it was looked for in.
        set: Uuid,
        /// Its place in the set, if it is there.
        ordinal: Option<u8>,
    },
}

/// What a code is to open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// An attempt to sign in.
    SignIn {
        /// Which.
        challenge: Uuid,
        /// The session that is to begin.
        session: Uuid,
        /// The device to remember from now on.
        device: Option<NewDevice>,
    },
    /// Something that a session alone does not open.
    StepUp,
    /// The factor itself, which was set up just now.
    Enrol {
        /// The backup codes to give out with a first factor.
        set: Uuid,
    },
}

/// A device to remember.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewDevice {
    /// Its id.
    pub id: Uuid,
    /// The program, in its own words.
    pub name: Option<String>,
}
