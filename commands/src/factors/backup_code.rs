//! Codes that are written down for when all else is lost.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use domain::factors::BACKUP_CODES;
use eventlog::ServiceKey;
use uuid::Uuid;

use crate::idempotency::secret;

const ALPHABET: &[u8; 36] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
/// Characters of a code: over 51 bits, so that a keyed hash is enough.
pub(super) const LENGTH: usize = 10;
const HASH: usize = 32;

/// A new set of codes, in clear.
pub(super) fn generate() -> anyhow::Result<Vec<String>> {
    (0..BACKUP_CODES).map(|_| Ok(code(secret::<32>()?))).collect()
}

/// Characters that are all alike likely: bytes past the last whole multiple of 36 are left out.
fn code(bytes: [u8; 32]) -> String {
    let mut code = String::with_capacity(LENGTH);
    let key = ServiceKey::from_bytes(bytes);
    for block in 0_u8.. {
        for byte in key.mac(&[&[block]]) {
            if byte < 252 && code.len() < LENGTH {
                code.push(char::from(ALPHABET[usize::from(byte) % ALPHABET.len()]));
            }
        }
        if code.len() == LENGTH {
            break;
        }
    }
    code
}

/// What is kept of a set: nobody finds the codes in it without the service's key.
pub(super) fn hashes(key: &ServiceKey, set: Uuid, codes: &[String]) -> Vec<u8> {
    codes.iter().flat_map(|code| hash(key, set, code)).collect()
}

/// The place of a code in its set.
pub(super) fn ordinal(key: &ServiceKey, set: Uuid, hashes: &[u8], code: &str) -> Option<u8> {
    let hash = hash(key, set, code);
    let place = hashes.chunks(HASH).position(|it| verify_slices_are_equal(it, &hash).is_ok())?;
    u8::try_from(place).ok()
}

fn hash(key: &ServiceKey, set: Uuid, code: &str) -> [u8; HASH] {
    key.mac(&[b"backup code", set.as_bytes(), code.as_bytes()])
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn a_set_is_ten_codes_of_ten_characters() {
        let codes = generate().unwrap();

        let is_plain = |code: &&String| code.bytes().all(|byte| ALPHABET.contains(&byte));
        assert_eq!(codes.iter().filter(is_plain).filter(|code| code.len() == 10).count(), 10);
        assert_eq!(codes.iter().collect::<HashSet<_>>().len(), 10);
    }

    #[test]
    fn a_code_is_found_in_its_own_set_only() {
        let (key, set) = (ServiceKey::from_bytes([7; 32]), Uuid::from_u128(1));
        let codes = generate().unwrap();

        let hashes = hashes(&key, set, &codes);

        assert_eq!(ordinal(&key, set, &hashes, &codes[3]), Some(3));
        assert_eq!(ordinal(&key, set, &hashes, "AAAAAAAAAA"), None);
        assert_eq!(ordinal(&key, Uuid::from_u128(2), &hashes, &codes[3]), None);
    }
}
