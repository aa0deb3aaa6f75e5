//! Tokens of sign-ins that wait for a factor, and of devices that need not show one.

use eventlog::ServiceKey;
use uuid::Uuid;

use crate::token::{ids, pair, read, write};

/// A sign-in that waits for a factor; opens nothing else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ChallengeToken {
    pub user: Uuid,
    pub challenge: Uuid,
}

/// A device that a person has asked to remember.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct DeviceToken {
    pub user: Uuid,
    pub device: Uuid,
}

impl ChallengeToken {
    const KIND: &str = "ch";

    pub(crate) fn write(self, key: &ServiceKey) -> String {
        write(key, Self::KIND, &pair(self.user, self.challenge))
    }

    pub(crate) fn read(key: &ServiceKey, token: &str) -> Option<Self> {
        let (user, challenge) = ids(read(key, Self::KIND, token)?)?;
        Some(Self { user, challenge })
    }
}

impl DeviceToken {
    const KIND: &str = "dv";

    pub(crate) fn write(self, key: &ServiceKey) -> String {
        write(key, Self::KIND, &pair(self.user, self.device))
    }

    pub(crate) fn read(key: &ServiceKey, token: &str) -> Option<Self> {
        let (user, device) = ids(read(key, Self::KIND, token)?)?;
        Some(Self { user, device })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::token::{EmailProof, Purpose, Refresh};

    #[test]
    fn a_challenge_is_no_device_and_neither_is_another_kind() {
        let key = ServiceKey::from_bytes([7; 32]);
        let (user, challenge) = (Uuid::from_u128(1), Uuid::from_u128(2));

        let token = ChallengeToken { user, challenge }.write(&key);

        assert_eq!(ChallengeToken::read(&key, &token), Some(ChallengeToken { user, challenge }));
        assert_eq!(DeviceToken::read(&key, &token.replacen("ch_", "dv_", 1)), None);
        assert_eq!(
            EmailProof::read(Purpose::Verification, &key, &token.replacen("ch_", "ev_", 1)),
            None
        );
        assert_eq!(Refresh::read(&key, &token.replacen("ch_", "rt_", 1)), None);
    }
}
