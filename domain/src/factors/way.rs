//! Ways in.

use serde::{Deserialize, Serialize};

/// How somebody has shown who they are, second factors apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Way {
    /// By password.
    SignIn,
    /// By a link in a mail.
    MagicLink,
    /// By another service's word.
    SocialLogin,
    /// By opening an account.
    Register,
    /// By a passkey alone.
    Passkey,
}

impl Way {
    /// The use case, as events carry it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::SignIn => "sign_in",
            Self::MagicLink => "magic_link",
            Self::SocialLogin => "social_login",
            Self::Register => "register",
            Self::Passkey => "passkey",
        }
    }
}
