//! Credentials that are derived, not stored: facts of the log under a MAC of the service.
//!
//! Whether one is still good is always asked of the stream it names, so none outlives its use.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use eventlog::{Position, ServiceKey};
use uuid::Uuid;

/// Bytes of a MAC.
const MAC: usize = 32;

/// The place of a refresh token: its session and its generation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Refresh {
    pub session: Uuid,
    pub generation: u32,
}

/// The answer to a question that was mailed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct EmailProof {
    pub user: Uuid,
    pub challenge: Uuid,
}

/// The right to put an account back as it was before an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct UndoProof {
    pub user: Uuid,
    pub of: Position,
}

/// What a mailed link is for; the proof of one is none of another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Proving the mailbox.
    Verification,
    /// Choosing another password.
    PasswordReset,
    /// Signing in.
    MagicLink,
    /// Moving to the mailbox.
    EmailChange,
}

impl Purpose {
    const fn kind(self) -> &'static str {
        match self {
            Self::Verification => "ev",
            Self::PasswordReset => "pr",
            Self::MagicLink => "ml",
            Self::EmailChange => "ec",
        }
    }
}

impl Refresh {
    const KIND: &str = "rt";

    pub(crate) fn write(self, key: &ServiceKey) -> String {
        let mut facts = [0; 20];
        facts[..16].copy_from_slice(self.session.as_bytes());
        facts[16..].copy_from_slice(&self.generation.to_be_bytes());
        write(key, Self::KIND, &facts)
    }

    pub(crate) fn read(key: &ServiceKey, token: &str) -> Option<Self> {
        let facts: [u8; 20] = read(key, Self::KIND, token)?;
        Some(Self {
            session: Uuid::from_slice(&facts[..16]).ok()?,
            generation: u32::from_be_bytes(facts[16..].try_into().ok()?),
        })
    }
}

impl EmailProof {
    pub(crate) fn write(self, purpose: Purpose, key: &ServiceKey) -> String {
        write(key, purpose.kind(), &pair(self.user, self.challenge))
    }

    pub(crate) fn read(purpose: Purpose, key: &ServiceKey, token: &str) -> Option<Self> {
        let (user, challenge) = ids(read(key, purpose.kind(), token)?)?;
        Some(Self { user, challenge })
    }
}

impl UndoProof {
    const KIND: &str = "un";

    pub(crate) fn write(self, key: &ServiceKey) -> String {
        let mut facts = [0; 24];
        facts[..16].copy_from_slice(self.user.as_bytes());
        facts[16..].copy_from_slice(&self.of.to_be_bytes());
        write(key, Self::KIND, &facts)
    }

    pub(crate) fn read(key: &ServiceKey, token: &str) -> Option<Self> {
        let facts: [u8; 24] = read(key, Self::KIND, token)?;
        Some(Self {
            user: Uuid::from_slice(&facts[..16]).ok()?,
            of: Position::from_be_bytes(facts[16..].try_into().ok()?),
        })
    }
}

/// Two ids as facts.
pub(crate) fn pair(one: Uuid, other: Uuid) -> [u8; 32] {
    let mut facts = [0; 32];
    facts[..16].copy_from_slice(one.as_bytes());
    facts[16..].copy_from_slice(other.as_bytes());
    facts
}

/// And back.
pub(crate) fn ids(facts: [u8; 32]) -> Option<(Uuid, Uuid)> {
    Some((Uuid::from_slice(&facts[..16]).ok()?, Uuid::from_slice(&facts[16..]).ok()?))
}

pub(crate) fn write(key: &ServiceKey, kind: &str, facts: &[u8]) -> String {
    let mut token = facts.to_vec();
    token.extend_from_slice(&key.mac(&[kind.as_bytes(), facts]));
    format!("{kind}_{}", URL_SAFE_NO_PAD.encode(token))
}

pub(crate) fn read<const N: usize>(key: &ServiceKey, kind: &str, token: &str) -> Option<[u8; N]> {
    facts(key, kind, token)?.try_into().ok()
}

/// The facts of a token, however many.
pub(crate) fn facts(key: &ServiceKey, kind: &str, token: &str) -> Option<Vec<u8>> {
    let encoded = token.strip_prefix(kind)?.strip_prefix('_')?;
    let mut facts = URL_SAFE_NO_PAD.decode(encoded).ok()?;
    let mac = facts.split_off(facts.len().checked_sub(MAC)?);
    verify_slices_are_equal(&key.mac(&[kind.as_bytes(), &facts]), &mac).ok()?;
    Some(facts)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> ServiceKey {
        ServiceKey::from_bytes([7; 32])
    }

    #[test]
    fn a_refresh_token_tells_its_session_and_generation() {
        let refresh = Refresh { session: Uuid::from_u128(5), generation: 3 };

        let token = refresh.write(&key());

        assert_eq!(Refresh::read(&key(), &token), Some(refresh));
    }

    #[test]
    fn a_token_with_any_byte_changed_is_refused() {
        let token = Refresh { session: Uuid::from_u128(5), generation: 3 }.write(&key());

        for at in 3..token.len() {
            let mut forged = token.clone().into_bytes();
            forged[at] = if forged[at] == b'A' { b'B' } else { b'A' };
            let forged = String::from_utf8(forged).unwrap();
            assert_eq!(Refresh::read(&key(), &forged), None, "byte {at}");
        }
    }

    #[test]
    fn one_kind_of_token_is_not_another() {
        let all = [
            Purpose::Verification,
            Purpose::PasswordReset,
            Purpose::MagicLink,
            Purpose::EmailChange,
        ];
        let proof = EmailProof { user: Uuid::from_u128(1), challenge: Uuid::from_u128(2) };

        for written in all {
            let token = proof.write(written, &key());
            assert_eq!(Refresh::read(&key(), &token), None);
            for read in all {
                let renamed = format!("{}{}", read.kind(), &token[2..]);
                let expected = (written == read).then_some(proof);
                assert_eq!(EmailProof::read(read, &key(), &token), expected);
                assert_eq!(EmailProof::read(read, &key(), &renamed), expected);
            }
        }
    }

    #[test]
    fn an_undo_token_tells_whose_account_and_which_event() {
        let proof = UndoProof { user: Uuid::from_u128(5), of: 77 };

        let token = proof.write(&key());

        assert_eq!(UndoProof::read(&key(), &token), Some(proof));
        assert_eq!(EmailProof::read(Purpose::PasswordReset, &key(), &token), None);
    }
}
