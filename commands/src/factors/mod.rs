//! Second factors: setting them up, taking codes, letting people in.

mod backup_code;
mod challenge;
mod code;
mod enrol;
mod manage;
mod present;
mod send;
mod token;
mod totp;

pub(crate) use challenge::may_sign_in;
pub use challenge::{Answer, Challenged, SignIn};
pub(crate) use code::Typed;
pub use enrol::{Enrolled, TotpSetup};
pub use manage::TwoFactorStatus;

use domain::{Category, factors::Factors};
use eventlog::Loaded;
use uuid::Uuid;

use crate::{Commands, Error};

/// The name of the secret beside a person's factors that codes of an app are made from; sealed.
pub(crate) const TOTP: &str = "totp";
/// The same, while it was not shown yet.
pub(crate) const TOTP_PREPARED: &str = "totp_prepared";
/// The hashes of the backup codes.
pub(crate) const BACKUP_CODES: &str = "backup_codes";

impl Commands {
    pub(crate) async fn factors_of(&self, user: Uuid) -> Result<Loaded<Factors>, Error> {
        self.load::<Factors>(Category::Factors.stream_of(user)).await
    }
}
