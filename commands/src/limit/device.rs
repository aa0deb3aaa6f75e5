//! What a device shows that has signed in to an account: it opens nothing, but is no stranger.

use chrono::{DateTime, TimeDelta, Utc};
use eventlog::ServiceKey;
use uuid::Uuid;

use crate::token::{read, write};

/// How long a device is known after it last signed in.
const LIFETIME: TimeDelta = TimeDelta::days(180);
/// The kind of its token.
const KIND: &str = "kd";
/// Two ids and a moment.
const FACTS: usize = 40;

/// A device that has signed in to an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct KnownDevice {
    pub user: Uuid,
    pub device: Uuid,
    /// When it last did, in seconds.
    pub since: i64,
}

impl KnownDevice {
    /// Whether it is known to an account at present.
    pub(super) fn is_of(&self, user: Uuid, now: DateTime<Utc>) -> bool {
        self.user == user && now.timestamp() < self.since.saturating_add(LIFETIME.num_seconds())
    }

    pub(super) fn write(self, key: &ServiceKey) -> String {
        let mut facts = [0; FACTS];
        facts[..16].copy_from_slice(self.user.as_bytes());
        facts[16..32].copy_from_slice(self.device.as_bytes());
        facts[32..].copy_from_slice(&self.since.to_be_bytes());
        write(key, KIND, &facts)
    }

    pub(super) fn read(key: &ServiceKey, token: &str) -> Option<Self> {
        let facts: [u8; FACTS] = read(key, KIND, token)?;
        Some(Self {
            user: Uuid::from_slice(&facts[..16]).ok()?,
            device: Uuid::from_slice(&facts[16..32]).ok()?,
            since: i64::from_be_bytes(facts[32..].try_into().ok()?),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ADA: Uuid = Uuid::from_u128(1);

    fn key() -> ServiceKey {
        ServiceKey::from_bytes([7; 32])
    }

    fn noon() -> DateTime<Utc> {
        "2026-01-06T12:00:00Z".parse().unwrap()
    }

    fn device() -> KnownDevice {
        KnownDevice { user: ADA, device: Uuid::from_u128(2), since: noon().timestamp() }
    }

    #[test]
    fn a_device_is_known_to_its_account_for_half_a_year() {
        assert!(device().is_of(ADA, noon() + TimeDelta::days(179)));
        assert!(!device().is_of(ADA, noon() + TimeDelta::days(180)));
        assert!(!device().is_of(Uuid::from_u128(3), noon()));
    }

    #[test]
    fn a_token_reads_back_and_any_other_text_does_not() {
        let token = device().write(&key());

        assert_eq!(KnownDevice::read(&key(), &token), Some(device()));
        assert_eq!(KnownDevice::read(&ServiceKey::from_bytes([8; 32]), &token), None);
        for at in 0..token.len() {
            let mut forged = token.clone().into_bytes();
            forged[at] = if forged[at] == b'A' { b'B' } else { b'A' };
            let forged = String::from_utf8(forged).unwrap();
            assert_eq!(KnownDevice::read(&key(), &forged), None, "byte {at}");
        }
        assert_eq!(KnownDevice::read(&key(), ""), None);
    }
}
