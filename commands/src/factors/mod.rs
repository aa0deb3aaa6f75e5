//! Second factors: setting them up, taking codes, letting people in.

mod backup_code;
mod challenge;
mod code;
mod enrol;
mod manage;
mod passkey;
mod present;
mod send;
mod token;
mod totp;
mod undo;

pub(crate) use challenge::may_sign_in;
pub use challenge::{Answer, Challenged, SignIn};
pub(crate) use code::Typed;
pub use enrol::{Enrolled, TotpSetup};
pub use manage::TwoFactorStatus;
pub use passkey::{PasskeyShown, PublicKeyCredential, Question, RegisterPublicKeyCredential};
pub(crate) use passkey::{RelyingParty, Shown};

use chrono::{DateTime, Utc};
use domain::{
    Category,
    factors::{BackupCodes, Factor, Factors, Former, Method, Passkey},
};
use eventlog::{Loaded, Secret};
use uuid::Uuid;

use crate::{Commands, Error};

/// The name of the secrets beside a person's factors that codes of apps are made from; sealed. Each has
/// the id of its factor, so that which one counts follows from the stream.
pub(crate) const TOTP: &str = "totp";
/// Where an older program has put one that was not shown yet.
pub(crate) const TOTP_PREPARED: &str = "totp_prepared";
/// The public keys of passkeys, by passkey; sealed.
pub(crate) const PASSKEY: &str = "passkey";
/// The hashes of the backup codes, by set.
pub(crate) const BACKUP_CODES: &str = "backup_codes";

impl Commands {
    pub(crate) async fn factors_of(&self, user: Uuid) -> Result<Loaded<Factors>, Error> {
        self.load::<Factors>(Category::Factors.stream_of(user)).await
    }
}

/// What is kept beside the stream of things that nobody can go back to.
fn outdated(factors: &Factors, at: DateTime<Utc>) -> Vec<Secret> {
    factors.outdated(at).flat_map(forgotten_with).collect()
}

/// All that is kept beside the stream.
fn everything(factors: &Factors) -> Vec<Secret> {
    let Factors { active, prepared, passkeys, backup_codes, former, .. } = factors;
    let mut secrets = [TOTP, TOTP_PREPARED, BACKUP_CODES].map(Secret::Drop).to_vec();
    secrets.extend(forgotten(active, passkeys, backup_codes.as_ref()));
    secrets.extend(forgotten(prepared, &[], None));
    secrets.extend(former.iter().flat_map(forgotten_with));
    secrets
}

fn forgotten_with(former: &Former) -> Vec<Secret> {
    forgotten(&former.factors, &former.passkeys, former.backup_codes.as_ref())
}

fn forgotten(
    factors: &[Factor],
    passkeys: &[Passkey],
    backup_codes: Option<&BackupCodes>,
) -> Vec<Secret> {
    let apps = factors.iter().filter(|factor| factor.method == Method::Totp);
    let apps = apps.map(|factor| Secret::DropOne(TOTP, factor.id));
    let passkeys = passkeys.iter().map(|passkey| Secret::DropOne(PASSKEY, passkey.id));
    let codes = backup_codes.map(|codes| Secret::DropOne(BACKUP_CODES, codes.set));
    apps.chain(passkeys).chain(codes).collect()
}
