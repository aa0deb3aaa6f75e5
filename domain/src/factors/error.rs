//! Why a command to a person's factors was refused.

use chrono::{DateTime, Utc};

use crate::{Kind, Rejection};

/// Why a command to a person's factors was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Too many wrong codes.
    #[error("too many wrong codes; this factor is locked for {} minutes", minutes(.until, .at))]
    Locked {
        /// Until when.
        until: DateTime<Utc>,
        /// Now.
        at: DateTime<Utc>,
    },
    /// Too many attempts in a minute.
    #[error("too many attempts; try again in a minute")]
    TooFast,
    /// Too many codes were sent.
    #[error("a code was sent just now, or too many in the last hour; wait before you ask again")]
    TooManyCodes,
    /// The attempt to sign in was answered, given up, or never was.
    #[error("this sign-in is over; begin again")]
    ChallengeOver,
    /// Two-factor authentication is off.
    #[error("two-factor authentication is not enabled")]
    NotEnabled,
    /// Nothing waits to be shown.
    #[error("nothing waits for a code; begin with setup or enable")]
    NotPrepared,
    /// No code was sent that could be the one.
    #[error("no code waits to be typed; ask for one")]
    NoCodeSent,
    /// No such factor is there to send a code to.
    #[error("there is no such factor")]
    NoSuchFactor,
    /// No such device is remembered.
    #[error("no such device is remembered")]
    NoSuchDevice,
    /// The question to the browser was answered already.
    #[error("this is over; begin again")]
    CeremonyOver,
    /// It is registered already.
    #[error("this passkey is registered already")]
    PasskeyKnown,
    /// There are as many as there may be.
    #[error("there are as many passkeys as there may be; remove one first")]
    TooManyPasskeys,
    /// The person has no such passkey.
    #[error("there is no such passkey")]
    NoSuchPasskey,
    /// Without it two-factor authentication would be off.
    #[error(
        "this is the last factor: give the password and a code, or show a passkey, to turn \
        two-factor authentication off"
    )]
    LastFactor,
}

fn minutes(until: &DateTime<Utc>, at: &DateTime<Utc>) -> i64 {
    (*until - *at).num_minutes() + 1
}

impl From<Error> for Rejection {
    fn from(error: Error) -> Self {
        let (kind, code) = match error {
            Error::Locked { .. } => (Kind::Limited, "factor_locked"),
            Error::TooFast => (Kind::Limited, "too_many_attempts"),
            Error::TooManyCodes => (Kind::Limited, "too_many_codes"),
            Error::ChallengeOver => (Kind::Unauthenticated, "challenge_over"),
            Error::NotEnabled => (Kind::Conflict, "two_factor_not_enabled"),
            Error::NotPrepared => (Kind::Conflict, "nothing_to_verify"),
            Error::NoCodeSent => (Kind::Conflict, "no_code_sent"),
            Error::NoSuchFactor => (Kind::Conflict, "no_such_factor"),
            Error::NoSuchDevice | Error::NoSuchPasskey => (Kind::Missing, "not_found"),
            Error::CeremonyOver => (Kind::Conflict, "ceremony_over"),
            Error::PasskeyKnown => (Kind::Conflict, "passkey_known"),
            Error::TooManyPasskeys => (Kind::Conflict, "too_many_passkeys"),
            Error::LastFactor => (Kind::Forbidden, "step_up_required"),
        };
        Self::new(kind, code, error.to_string())
    }
}
