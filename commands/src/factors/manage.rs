//! Looking at factors, replacing backup codes, turning all of it off.

use chrono::{DateTime, Utc};
use domain::{
    Category, Kind, Rejection,
    factors::{ClearReason, Command, Device, Factors, Method, Purpose},
};
use eventlog::{Meta, Secret};
use uuid::Uuid;

use super::{BACKUP_CODES, backup_code, code::Typed, enrol::masked, everything, outdated};
use crate::{Caller, Commands, Done, Error, Proof, idempotency::new_id};

/// What is true of a person's factors.
#[derive(Clone, Debug)]
pub struct TwoFactorStatus {
    /// Whether the password alone is not enough.
    pub is_enabled: bool,
    /// What can be shown.
    pub methods: Vec<Method>,
    /// Where codes go, mostly hidden.
    pub phone_number: Option<String>,
    /// Backup codes that are still good.
    pub backup_codes_left: usize,
    /// Until when some factor is locked.
    pub locked_until: Option<DateTime<Utc>>,
    /// Devices that need not show a factor.
    pub devices: Vec<Device>,
}

impl Commands {
    /// What is true of the caller's factors, as the log says.
    pub async fn two_factor_status(&self, caller: &Caller) -> Result<TwoFactorStatus, Error> {
        caller.scope("account")?;
        let (factors, at) = (self.factors_of(caller.user).await?.state, self.0.clock.now());
        Ok(TwoFactorStatus {
            is_enabled: factors.is_enabled(),
            methods: factors.methods(),
            phone_number: masked(&factors),
            backup_codes_left: factors.backup_codes_left(),
            locked_until: factors.guard.any_locked_until(at),
            devices: factors.devices.into_iter().filter(|it| at < it.expires_at).collect(),
        })
    }

    /// Replaces the backup codes, for whoever shows the password or a code.
    pub async fn regenerate_backup_codes(
        &self,
        caller: &Caller,
        proof: &Proof,
    ) -> Result<Done<Vec<String>>, Error> {
        caller.session()?;
        match (&proof.code, &proof.password) {
            (Some(code), _) => {
                let typed = Typed::read(code)?;
                self.present(caller.user, &typed, &Purpose::StepUp, &caller.meta()).await?;
            }
            (None, Some(password)) => self.confirm(caller, password).await?,
            (None, None) => self.step_up(caller, proof).await?,
        }
        let (set, codes) = (new_id(), backup_code::generate()?);
        let hashes = backup_code::hashes(&self.0.tokens, set, &codes);
        let at = self.0.clock.now();
        let command = Command::MakeBackupCodes { set, at };
        let mut secrets = outdated(&self.factors_of(caller.user).await?.state, at);
        secrets.push(Secret::PutOne(BACKUP_CODES, set, hashes));
        let stream = Category::Factors.stream_of(caller.user);
        let executed =
            self.execute_with::<Factors>(stream, command, secrets, &caller.meta()).await?;
        Ok(Done::new(codes, executed.position))
    }

    /// Turns two-factor authentication off, for whoever shows the password and a code.
    pub async fn disable_two_factor(
        &self,
        caller: &Caller,
        proof: &Proof,
    ) -> Result<Done<()>, Error> {
        caller.session()?;
        if !self.factors_of(caller.user).await?.state.is_enabled() {
            return Err(Rejection::from(domain::factors::Error::NotEnabled).into());
        }
        if proof.password.is_none() || proof.code.is_none() {
            let detail = "give the password and a code";
            return Err(Rejection::new(Kind::Forbidden, "step_up_required", detail).into());
        }
        self.step_up(caller, proof).await?;
        self.clear_factors(caller.user, ClearReason::Disabled, &caller.meta()).await
    }

    /// Takes all factors of a person away, on behalf of an administrator.
    pub async fn reset_two_factor(&self, caller: &Caller, user: Uuid) -> Result<Done<()>, Error> {
        caller.admin()?;
        self.administer(caller, user).await?;
        if !self.factors_of(user).await?.state.is_enabled() {
            return Err(Error::missing("account with two-factor authentication"));
        }
        tracing::warn!(%user, by = %caller.user, "two-factor authentication is reset");
        self.clear_factors(user, ClearReason::Reset, &caller.meta().about(user)).await
    }

    /// Ends all other sessions of the caller's, and has every device ask for a factor again; answers
    /// how many sessions there were (ASVS 5.0, 7.4.3).
    pub async fn leave_other_devices(&self, caller: &Caller) -> Result<Done<u64>, Error> {
        let revoked = self.revoke_sessions(caller, true).await?;
        let forgotten = self.forget_device(caller, None).await?;
        Ok(Done::new(revoked.value, revoked.position.max(forgotten.position)))
    }

    /// Forgets a remembered device of the caller's, or all of them.
    pub async fn forget_device(
        &self,
        caller: &Caller,
        device: Option<Uuid>,
    ) -> Result<Done<()>, Error> {
        caller.session()?;
        self.forget_device_of(caller.user, device, &caller.meta()).await
    }

    /// The same for whatever makes devices ask again, such as another password.
    pub(crate) async fn forget_device_of(
        &self,
        user: Uuid,
        device: Option<Uuid>,
        meta: &Meta,
    ) -> Result<Done<()>, Error> {
        let stream = Category::Factors.stream_of(user);
        let command = Command::ForgetDevice { device };
        let executed = self.execute::<Factors>(stream, command, meta).await?;
        Ok(Done::new((), executed.position))
    }

    /// Forgets all devices that a person has had remembered until a moment.
    pub(crate) async fn forget_devices_of(
        &self,
        user: Uuid,
        until: DateTime<Utc>,
        meta: &Meta,
    ) -> Result<Done<()>, Error> {
        let stream = Category::Factors.stream_of(user);
        let command = Command::ForgetDevicesOf { until };
        let executed = self.execute::<Factors>(stream, command, meta).await?;
        Ok(Done::new((), executed.position))
    }

    /// Takes all factors of a person away; what is kept beside them goes when nobody can go back to it.
    pub(crate) async fn clear_factors(
        &self,
        user: Uuid,
        reason: ClearReason,
        meta: &Meta,
    ) -> Result<Done<()>, Error> {
        let stream = Category::Factors.stream_of(user);
        let command = Command::Clear { user, reason, at: self.0.clock.now() };
        let secrets = match reason {
            ClearReason::Erased => everything(&self.factors_of(user).await?.state),
            ClearReason::Disabled | ClearReason::Reset => vec![],
        };
        let executed = self.execute_with::<Factors>(stream, command, secrets, meta).await?;
        Ok(Done::new((), executed.position))
    }
}
