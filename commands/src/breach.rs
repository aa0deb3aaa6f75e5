//! Whether a password became known in a breach, asked without telling it: only the first digits of its
//! hash leave the house, and the answer holds all hashes that begin so (ASVS 5.0, 6.2.12).

use std::{fmt::Write, time::Duration};

use anyhow::Context;
use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use domain::Password;
use reqwest::Url;

use crate::outgoing::Outgoing;

/// How long somebody who chooses a password is kept waiting for it.
const TIMEOUT: Duration = Duration::from_secs(2);
/// The longest answer that is read: a padded one has some 50 KiB.
const LONGEST: usize = 512 * 1024;
/// How many digits are told.
const TOLD: usize = 5;

/// A service that speaks the range interface of "Have I Been Pwned".
pub(crate) struct Breaches {
    outgoing: Outgoing,
    base: String,
}

impl Breaches {
    /// The service at an address.
    pub(crate) fn at(base: &str) -> anyhow::Result<Self> {
        let url = Url::parse(base).context("ANNALS_BREACH_URL")?;
        let outgoing = Outgoing::new([&url], TIMEOUT)?;
        Ok(Self { outgoing, base: base.trim_end_matches('/').to_owned() })
    }

    /// Whether a password is known to attackers. Nobody is kept from choosing one because the service
    /// does not answer: that is counted and logged.
    pub(crate) async fn know(&self, password: &Password) -> bool {
        let hash = hash(password);
        let (told, kept) = hash.split_at(TOLD);
        let (is_known, outcome) = match self.hashes_from(told).await {
            Ok(hashes) if holds(&hashes, kept) => (true, "breached"),
            Ok(_) => (false, "unknown"),
            Err(error) => {
                tracing::warn!(error = format!("{error:#}"), "passwords of breaches are not known");
                (false, "failed")
            }
        };
        metrics::counter!("annals_breach_lookups_total", "outcome" => outcome).increment(1);
        is_known
    }

    async fn hashes_from(&self, told: &str) -> anyhow::Result<String> {
        let request = self.outgoing.client().get(format!("{}/range/{told}", self.base));
        // Answers of one length tell nobody on the way which one it is.
        let request = request.header("Add-Padding", "true").build()?;
        let (status, body) = self.outgoing.ask(request, LONGEST).await?;
        anyhow::ensure!(status.is_success(), "the service answered {}", status.as_u16());
        String::from_utf8(body).context("the answer is not text")
    }
}

fn hash(password: &Password) -> String {
    let digest = digest(&SHA1_FOR_LEGACY_USE_ONLY, password.as_bytes());
    digest.as_ref().iter().fold(String::with_capacity(40), |mut hex, byte| {
        let _ = write!(hex, "{byte:02X}");
        hex
    })
}

/// Whether the rest of a hash is in an answer; what was seen no times is padding.
fn holds(hashes: &str, kept: &str) -> bool {
    let mut lines = hashes.lines().filter_map(|line| line.trim().split_once(':'));
    lines.any(|(rest, count)| rest.eq_ignore_ascii_case(kept) && count.trim() != "0")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn five_digits_are_told_and_the_rest_is_looked_for() {
        let hash = hash(&Password::presented("password").unwrap());

        assert_eq!(hash, "5BAA61E4C9B93F3F0682250B6CF8331B7EE68FD8");
        let (_, kept) = hash.split_at(TOLD);
        assert!(holds(
            "0018A45C4D1DEF81644B54AB7F969B88D65:3\r\n1E4C9B93F3F0682250B6CF8331B7EE68FD8:9",
            kept
        ));
    }

    #[test]
    fn padding_is_no_breach() {
        assert!(!holds(
            "1E4C9B93F3F0682250B6CF8331B7EE68FD8:0",
            "1E4C9B93F3F0682250B6CF8331B7EE68FD8"
        ));
        assert!(!holds("", "1E4C9B93F3F0682250B6CF8331B7EE68FD8"));
    }
}
