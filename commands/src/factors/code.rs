//! What somebody types as a code, and what it can be meant as.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use chrono::{DateTime, Utc};
use domain::{
    Category, Kind, Rejection,
    factors::{Factors, Method, Purpose, Shown},
};
use eventlog::Secret;
use uuid::Uuid;

use super::{BACKUP_CODES, TOTP, backup_code, totp};
use crate::{Commands, Error};

/// Digits of a code of an app or of one that was sent.
const DIGITS: usize = 6;

/// What somebody typed, as far as it can be a code at all.
#[derive(Clone)]
pub(crate) enum Typed {
    /// Six digits.
    Digits(String),
    /// Ten letters and digits.
    Backup(String),
}

impl Typed {
    /// People type spaces and hyphens, and small letters.
    pub(crate) fn read(text: &str) -> Result<Self, Rejection> {
        let is_filler = |c: char| c.is_whitespace() || c == '-';
        let code: String = text.chars().filter(|c| !is_filler(*c)).take(32).collect();
        let code = code.to_ascii_uppercase();
        if code.len() == DIGITS && code.bytes().all(|byte| byte.is_ascii_digit()) {
            return Ok(Self::Digits(code));
        }
        if code.len() == backup_code::LENGTH
            && code.bytes().all(|byte| byte.is_ascii_alphanumeric())
        {
            return Ok(Self::Backup(code));
        }
        let detail = "a code has 6 digits; a backup code has 10 letters and digits";
        Err(Rejection::new(Kind::Invalid, "malformed_code", detail))
    }
}

impl Commands {
    /// All that a code can be meant as.
    pub(super) async fn readings(
        &self,
        (user, factors): (Uuid, &Factors),
        typed: &Typed,
        purpose: &Purpose,
        at: DateTime<Utc>,
    ) -> Result<Vec<Shown>, Error> {
        match typed {
            Typed::Backup(code) => self.backup_reading(user, factors, code).await,
            Typed::Digits(code) => {
                let mut shown = self.sent_readings((user, factors), code, purpose, at);
                shown.extend(self.totp_reading((user, factors), code, purpose, at).await?);
                Ok(shown)
            }
        }
    }

    /// The code that was sent under an id. It follows from the id and a key of the service, so that
    /// it stands nowhere.
    #[must_use]
    pub fn sent_code(&self, user: Uuid, id: Uuid) -> String {
        let mac = self.0.tokens.mac(&[b"sent code", user.as_bytes(), id.as_bytes()]);
        let mut head = [0; 8];
        head.copy_from_slice(&mac[..8]);
        format!("{:06}", u64::from_be_bytes(head) % 1_000_000)
    }

    fn sent_readings(
        &self,
        (user, factors): (Uuid, &Factors),
        code: &str,
        purpose: &Purpose,
        at: DateTime<Utc>,
    ) -> Vec<Shown> {
        let challenge = match purpose {
            Purpose::SignIn { challenge, .. } => Some(*challenge),
            Purpose::StepUp | Purpose::Enrol { .. } => None,
        };
        let sent = [Method::Sms, Method::Email].into_iter();
        let sent = sent.filter_map(|method| factors.sent(method, challenge, at));
        let reading = |sent: &domain::factors::SentCode| {
            let right = self.sent_code(user, sent.id);
            let is_right = verify_slices_are_equal(right.as_bytes(), code.as_bytes()).is_ok();
            Shown::Sent { code: sent.id, is_right }
        };
        sent.map(reading).collect()
    }

    async fn totp_reading(
        &self,
        (user, factors): (Uuid, &Factors),
        code: &str,
        purpose: &Purpose,
        at: DateTime<Utc>,
    ) -> Result<Option<Shown>, Error> {
        let factor = match purpose {
            Purpose::Enrol { .. } => factors.prepared(Method::Totp),
            Purpose::SignIn { .. } | Purpose::StepUp => factors.active(Method::Totp),
        };
        let Some(factor) = factor else { return Ok(None) };
        let secret = self.factor_secret(user, factor.id).await?;
        let step = secret.map(|secret| totp::step_of(&secret, code, at)).transpose()?.flatten();
        Ok(Some(Shown::Totp { factor: factor.id, step }))
    }

    async fn backup_reading(
        &self,
        user: Uuid,
        factors: &Factors,
        code: &str,
    ) -> Result<Vec<Shown>, Error> {
        let Some(codes) = &factors.backup_codes else { return Ok(vec![]) };
        let stream = Category::Factors.stream_of(user);
        let hashes = self.beside_factors(stream, BACKUP_CODES, codes.set).await?;
        let hashes = hashes.unwrap_or_default();
        let ordinal = backup_code::ordinal(&self.0.tokens, codes.set, &hashes, code);
        Ok(vec![Shown::BackupCode { set: codes.set, ordinal }])
    }

    /// The secret of an app, opened.
    async fn factor_secret(&self, user: Uuid, factor: Uuid) -> Result<Option<Vec<u8>>, Error> {
        let stream = Category::Factors.stream_of(user);
        let sealed = self.beside_factors(stream, TOTP, factor).await?;
        let Some(sealed) = sealed else { return Ok(None) };
        let opened = self.0.log.open_for(user, &sealed, stream.as_bytes()).await;
        opened.map_err(Error::Unavailable)
    }

    /// What is kept beside factors under a name and an id, or, by an older program, under the name.
    async fn beside_factors(
        &self,
        stream: Uuid,
        name: &'static str,
        id: Uuid,
    ) -> Result<Option<Vec<u8>>, Error> {
        let own = self.0.log.secret(stream, &Secret::one_of(name, id)).await;
        match own.map_err(Error::Unavailable)? {
            Some(own) => Ok(Some(own)),
            None => self.0.log.secret(stream, name).await.map_err(Error::Unavailable),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_read_as_people_type_them() {
        assert!(matches!(Typed::read(" 123 456 "), Ok(Typed::Digits(code)) if code == "123456"));
        assert!(
            matches!(Typed::read("abcde-12345"), Ok(Typed::Backup(code)) if code == "ABCDE12345")
        );
        for text in ["", "12345", "1234567", "abcdef", "ABCDE1234", "ABCDE1234é", "１２３４５６"]
        {
            assert!(Typed::read(text).is_err(), "{text:?}");
        }
    }
}
