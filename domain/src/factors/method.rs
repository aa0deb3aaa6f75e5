//! Kinds of factors.

use serde::{Deserialize, Serialize};

/// A kind of factor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// Codes that an app derives from the time (RFC 6238).
    Totp,
    /// Codes that are sent to a telephone.
    Sms,
    /// Codes that are mailed.
    Email,
    /// Codes that were written down.
    BackupCode,
    /// Key pairs that devices hold (`WebAuthn` Level 3).
    Passkey,
}

impl Method {
    /// The word that answers carry.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Totp => "totp",
            Self::Sms => "sms",
            Self::Email => "email",
            Self::BackupCode => "backup_code",
            Self::Passkey => "passkey",
        }
    }

    /// Whether its codes are sent by the service.
    #[must_use]
    pub const fn is_sent(self) -> bool {
        match self {
            Self::Sms | Self::Email => true,
            Self::Totp | Self::BackupCode | Self::Passkey => false,
        }
    }
}
