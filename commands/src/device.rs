//! Devices: which a person has signed in with before, and which sessions of theirs there are. Kept beside
//! the streams of sessions, written with their events: never behind, and gone with the person.

use std::net::IpAddr;

use domain::session::device_name;
use eventlog::Secret;
use uuid::Uuid;

use crate::{Commands, Error, Origin, authenticate::SESSION_OF};

/// The name of what stays beside it: with which device it began.
const DEVICE: &str = "device";
/// Bytes of a person's id, with which what is kept of a device begins.
const PERSON: usize = size_of::<Uuid>();

/// A device that somebody signs in with.
pub(crate) struct Device {
    /// Whether the person never signed in with it before, but has with others.
    pub is_new: bool,
    /// What is kept of it beside the session that begins.
    pub secrets: Vec<Secret>,
}

impl Commands {
    /// Looks whether somebody who signs in has done so with this device before.
    pub(crate) async fn device(&self, user: Uuid, origin: &Origin) -> Result<Device, Error> {
        let print = self.fingerprint(user, origin);
        let (is_known, has_others) =
            self.0.log.is_kept(DEVICE, &print, PERSON).await.map_err(Error::Unavailable)?;
        let mut secrets = vec![Secret::Put(SESSION_OF, user.as_bytes().to_vec())];
        if !is_known {
            secrets.push(Secret::Put(DEVICE, print));
        }
        Ok(Device { is_new: has_others && !is_known, secrets })
    }

    /// The person, and half a keyed hash of the program, its system, and the network it comes from.
    fn fingerprint(&self, user: Uuid, origin: &Origin) -> Vec<u8> {
        let name = device_name(origin.user_agent.as_deref().unwrap_or_default());
        let network = origin.address.as_deref().map(network).unwrap_or_default();
        let mac =
            self.0.tokens.mac(&[b"device", user.as_bytes(), name.as_bytes(), network.as_bytes()]);
        [user.as_bytes(), &mac[..16]].concat()
    }
}

/// What stays the same of an address when a provider gives its customer another one, as a rule.
fn network(address: &str) -> String {
    match address.parse::<IpAddr>().map(|address| address.to_canonical()) {
        Ok(IpAddr::V4(v4)) => {
            let [a, b, ..] = v4.octets();
            format!("{a}.{b}/16")
        }
        Ok(IpAddr::V6(v6)) => {
            let [a, b, ..] = v6.segments();
            format!("{a:x}:{b:x}::/32")
        }
        Err(_) => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::network;

    #[test]
    fn addresses_of_a_provider_are_of_one_network() {
        for (one, other) in [
            ("192.0.2.1", "192.0.77.9"),
            ("192.0.2.1", "::ffff:192.0.2.1"),
            ("2001:db8::1", "2001:db8:9::2"),
        ] {
            assert_eq!(network(one), network(other));
        }
        assert_ne!(network("192.0.2.1"), network("192.1.2.1"));
    }
}
