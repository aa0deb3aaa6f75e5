//! What the routes of two-factor authentication read and answer.

use chrono::{DateTime, Utc};
use commands::{Answer, Enrolled, Proof, TotpSetup, TwoFactorStatus};
use domain::factors::Method;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::{super::fields::Tokens, qr};
use crate::problem::Problem;

/// What a person shows once more.
#[derive(Deserialize, ToSchema)]
pub(super) struct Shown {
    /// The password.
    #[schema(format = Password)]
    password: Option<String>,
    /// A code.
    code: Option<String>,
}

/// A code.
#[derive(Deserialize, ToSchema)]
pub(super) struct GivenCode {
    /// 6 digits, or a backup code.
    pub code: String,
    /// The sign-in that it is for; none where you have signed in and set a factor up.
    pub challenge_token: Option<String>,
    /// Whether this device shall not be asked again for 30 days.
    pub remember_device: Option<bool>,
}

/// A secret that an app makes codes of. It counts once a code was verified.
#[derive(Serialize, ToSchema)]
pub(super) struct Setup {
    /// For those who type it.
    secret: String,
    /// For those who tap it.
    otpauth_uri: String,
    /// For those who scan it: a PNG as a data URI.
    qr_code: String,
    /// The same.
    #[serde(rename = "qrCodeUrl")]
    qr_code_url: String,
    factor_id: Uuid,
}

/// That a code was right, and what it opened.
#[derive(Serialize, ToSchema)]
pub(super) struct Verification {
    success: bool,
    verified: bool,
    /// With a first factor: ten codes for when all else is lost, never to be seen again.
    #[serde(skip_serializing_if = "Option::is_none")]
    backup_codes: Option<Vec<String>>,
    /// How many backup codes are still good.
    remaining_codes: usize,
    /// Has this device not asked again for 30 days, where it was to be remembered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub device_token: Option<String>,
    /// At a sign-in: what opens the API.
    #[serde(flatten)]
    tokens: Option<Tokens>,
}

/// What is true of your factors.
#[derive(Serialize, ToSchema)]
pub(super) struct Status {
    enabled: bool,
    /// `totp`, `sms`, `email`, `passkey`, `backup_code`.
    methods: Vec<&'static str>,
    /// Where codes go, mostly hidden.
    phone_number: Option<String>,
    backup_codes_remaining: usize,
    /// Until when some factor takes no codes.
    locked_until: Option<DateTime<Utc>>,
}

/// Backup codes, never to be seen again.
#[derive(Serialize, ToSchema)]
pub(super) struct BackupCodes {
    pub backup_codes: Vec<String>,
}

impl From<Shown> for Proof {
    fn from(shown: Shown) -> Self {
        Self { password: shown.password, code: shown.code }
    }
}

impl TryFrom<TotpSetup> for Setup {
    type Error = Problem;

    fn try_from(setup: TotpSetup) -> Result<Self, Problem> {
        let qr_code = qr::data_uri(&setup.uri).map_err(|error| {
            tracing::error!(error = format!("{error:#}"), "a QR code");
            Problem::internal()
        })?;
        Ok(Self {
            secret: setup.secret,
            otpauth_uri: setup.uri,
            qr_code_url: qr_code.clone(),
            qr_code,
            factor_id: setup.factor,
        })
    }
}

impl Verification {
    /// That somebody who has signed in has shown who they are once more.
    pub(super) fn of_session(remaining_codes: usize) -> Self {
        Self {
            success: true,
            verified: true,
            backup_codes: None,
            remaining_codes,
            device_token: None,
            tokens: None,
        }
    }
}

impl From<Enrolled> for Verification {
    fn from(enrolled: Enrolled) -> Self {
        Self {
            success: true,
            verified: true,
            backup_codes: enrolled.backup_codes,
            remaining_codes: enrolled.backup_codes_left,
            device_token: None,
            tokens: None,
        }
    }
}

impl From<Answer> for Verification {
    fn from(answer: Answer) -> Self {
        Self {
            success: true,
            verified: true,
            backup_codes: None,
            remaining_codes: answer.backup_codes_left,
            device_token: answer.device_token,
            tokens: Some(answer.signed_in.into()),
        }
    }
}

impl From<TwoFactorStatus> for Status {
    fn from(status: TwoFactorStatus) -> Self {
        Self {
            enabled: status.is_enabled,
            methods: status.methods.into_iter().map(Method::name).collect(),
            phone_number: status.phone_number,
            backup_codes_remaining: status.backup_codes_left,
            locked_until: status.locked_until,
        }
    }
}
