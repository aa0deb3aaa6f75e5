//! What accounts are opened with.

use super::parse;

/// What accounts are opened with.
#[derive(Clone)]
pub(crate) struct Accounts {
    /// Where passwords are looked up that became known in breaches; without a slash at the end.
    pub(crate) breach_url: Option<String>,
    /// Whether registering tells nobody which addresses have accounts.
    pub(crate) enumeration_safe: bool,
}

impl Accounts {
    pub(super) fn new(
        breach_url: Option<String>,
        enumeration_safe: Option<&str>,
    ) -> anyhow::Result<Self> {
        Ok(Self {
            breach_url: breach_url
                .map(|url| parse::web_address("ANNALS_BREACH_URL", &url))
                .transpose()?,
            enumeration_safe: parse::true_or_false("ANNALS_ENUMERATION_SAFE", enumeration_safe)?,
        })
    }
}
