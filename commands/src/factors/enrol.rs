//! Setting factors up. One counts once a code of it was shown.

use domain::{
    Category, Kind, Personal, Rejection,
    factors::{Command, Factors, Method, Purpose},
    user::{User, Verification},
};
use eventlog::Secret;

use super::{TOTP, code::Typed, outdated, totp};
use crate::{
    Caller, Commands, Done, Error, Proof,
    idempotency::{new_id, secret},
};

/// What an app needs to make codes.
#[derive(Clone)]
pub struct TotpSetup {
    /// The factor.
    pub factor: uuid::Uuid,
    /// The secret, for those who type it.
    pub secret: String,
    /// The secret, for those who scan it.
    pub uri: String,
}

/// A factor that was shown.
#[derive(Clone, Debug, Default)]
pub struct Enrolled {
    /// The backup codes, given out with the first factor and never seen again.
    pub backup_codes: Option<Vec<String>>,
    /// Backup codes that are still good.
    pub backup_codes_left: usize,
}

impl Commands {
    /// Makes a secret for an app; it counts once a code of it was shown.
    pub async fn set_up_totp(
        &self,
        caller: &Caller,
        proof: &Proof,
        issuer: &str,
    ) -> Result<Done<TotpSetup>, Error> {
        let email = self.verified_email(caller).await?;
        self.step_up(caller, proof).await?;
        let (factor, bytes) = (new_id(), secret::<{ totp::SECRET }>()?);
        let stream = Category::Factors.stream_of(caller.user);
        let sealed = self.0.log.seal_for(caller.user, &bytes, stream.as_bytes()).await;
        let at = self.0.clock.now();
        let mut secrets = outdated(&self.factors_of(caller.user).await?.state, at);
        secrets.push(Secret::PutOne(TOTP, factor, sealed.map_err(Error::Unavailable)?));
        let prepare = Command::Prepare { method: Method::Totp, factor, phone: None, at };
        let executed =
            self.execute_with::<Factors>(stream, prepare, secrets, &caller.meta()).await?;
        let uri = totp::uri(&bytes, issuer, &email)?;
        let setup = TotpSetup { factor, secret: totp::in_base32(&bytes), uri };
        Ok(Done::new(setup, executed.position))
    }

    /// Takes the code that shows a factor which was set up.
    pub async fn enrol(&self, caller: &Caller, code: &str) -> Result<Done<Enrolled>, Error> {
        caller.session()?;
        self.verified_email(caller).await?;
        let typed = Typed::read(code)?;
        let purpose = Purpose::Enrol { set: new_id() };
        let presented = self.present(caller.user, &typed, &purpose, &caller.meta()).await?;
        let backup_codes_left = presented.factors.backup_codes_left();
        let enrolled = Enrolled { backup_codes: presented.backup_codes, backup_codes_left };
        Ok(Done::new(enrolled, presented.position))
    }

    /// Uses a backup code up, for somebody who has signed in.
    pub async fn show_backup_code(
        &self,
        caller: &Caller,
        code: &str,
    ) -> Result<Done<Enrolled>, Error> {
        caller.session()?;
        let typed = Typed::read(code)?;
        let presented = self.present(caller.user, &typed, &Purpose::StepUp, &caller.meta()).await?;
        let backup_codes_left = presented.factors.backup_codes_left();
        Ok(Done::new(Enrolled { backup_codes: None, backup_codes_left }, presented.position))
    }

    /// The address of an account whose mailbox is known to be the person's: before that, somebody
    /// else may own the mailbox, and would be locked out.
    pub(super) async fn verified_email(&self, caller: &Caller) -> Result<String, Error> {
        let person = self.load::<User>(caller.user).await?.state;
        let Some(account) = person.account() else { return Err(Error::unauthenticated()) };
        if account.verification != Verification::Verified {
            let detail = "verify your e-mail address first";
            return Err(Rejection::new(Kind::Forbidden, "email_not_verified", detail).into());
        }
        Ok(account.email.known().map(ToString::to_string).unwrap_or_default())
    }
}

/// A number as it may be shown.
pub(super) fn masked(factors: &Factors) -> Option<String> {
    let phone = factors.active(Method::Sms)?.phone.as_ref();
    phone.and_then(Personal::known).map(domain::factors::PhoneNumber::masked)
}
