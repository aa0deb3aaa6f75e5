//! Codes that apps derive from the time (RFC 6238): SHA-1, 6 digits, 30 seconds, one step back.

use anyhow::Context;
use chrono::{DateTime, Utc};
use totp_rs::{Algorithm, Builder, Totp};

/// Bytes of a secret (RFC 4226, section 4, recommends 160 bits).
pub(super) const SECRET: usize = 20;
const PERIOD: u64 = 30;

/// The time step that a code is of: this one, or the one before, for clocks that are late.
pub(super) fn step_of(
    secret: &[u8],
    code: &str,
    now: DateTime<Utc>,
) -> anyhow::Result<Option<u64>> {
    let totp = totp(secret, None)?;
    let now = u64::try_from(now.timestamp()).context("the clock stands before 1970")?;
    let before = now.saturating_sub(PERIOD);
    Ok(totp.check(code, now).or_else(|| totp.check(code, before)))
}

/// The secret in the form that people type.
pub(super) fn in_base32(secret: &[u8]) -> String {
    totp_rs::Secret::new(secret.into()).to_base32()
}

/// The address that apps scan.
pub(super) fn uri(secret: &[u8], issuer: &str, account: &str) -> anyhow::Result<String> {
    // Where the app puts the colon between the two.
    let account = account.replace(':', "");
    totp(secret, Some((issuer, &account)))?.to_url().context("an otpauth address")
}

fn totp(secret: &[u8], names: Option<(&str, &str)>) -> anyhow::Result<Totp> {
    let builder = Builder::new()
        .with_algorithm(Algorithm::SHA1)
        .with_digits(6)
        .with_skew(0)
        .with_step_duration(PERIOD)
        .with_secret(secret);
    let (issuer, account) = names.map_or((None, "account"), |(issuer, it)| (Some(issuer), it));
    builder.with_issuer(issuer).with_account_name(account).build().context("a TOTP secret")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The secret of both documents' vectors.
    const SECRET: &[u8] = b"12345678901234567890";

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(seconds, 0).unwrap()
    }

    #[test]
    fn the_vectors_of_rfc_4226_appendix_d() {
        let codes = [
            "755224", "287082", "359152", "969429", "338314", "254676", "287922", "162583",
            "399871", "520489",
        ];
        for (counter, code) in codes.into_iter().enumerate() {
            let counter = i64::try_from(counter).unwrap();
            let step = step_of(SECRET, code, at(counter * 30)).unwrap();
            assert_eq!(step, u64::try_from(counter).ok(), "{code}");
        }
    }

    #[test]
    fn the_vectors_of_rfc_6238_appendix_b_for_sha_1() {
        // The last six of the eight digits there.
        for (seconds, code) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_111_111_111, "050471"),
            (1_234_567_890, "005924"),
            (2_000_000_000, "279037"),
            (20_000_000_000, "353130"),
        ] {
            let step = step_of(SECRET, code, at(seconds)).unwrap();
            assert_eq!(step, u64::try_from(seconds / 30).ok(), "{code}");
        }
    }

    #[test]
    fn a_code_is_good_one_step_later_and_not_two() {
        let code = "287082";

        assert_eq!(step_of(SECRET, code, at(30)).unwrap(), Some(1));
        assert_eq!(step_of(SECRET, code, at(89)).unwrap(), Some(1));
        assert_eq!(step_of(SECRET, code, at(90)).unwrap(), None);
        assert_eq!(step_of(SECRET, code, at(29)).unwrap(), None);
    }

    #[test]
    fn an_app_reads_the_secret_out_of_the_address() {
        let uri = uri(SECRET, "Annals", "ada@example.org").unwrap();

        assert!(uri.starts_with("otpauth://totp/Annals:ada%40example.org?"), "{uri}");
        assert!(uri.contains("secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"), "{uri}");
        assert!(uri.contains("issuer=Annals"), "{uri}");
    }
}
