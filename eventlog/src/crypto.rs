//! Random bytes and authenticated encryption, as everything that is sealed uses them.

use anyhow::{anyhow, ensure};
use aws_lc_rs::{
    aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey},
    rand,
};

/// How much longer what is sealed is than what was clear: the nonce and the tag.
pub(crate) const OVERHEAD: usize = NONCE_LEN + 16;

pub(crate) fn random<const N: usize>() -> anyhow::Result<[u8; N]> {
    let mut bytes = [0; N];
    rand::fill(&mut bytes).map_err(|_| anyhow!("the machine gives no random bytes"))?;
    Ok(bytes)
}

pub(crate) fn aead(key: &[u8; 32]) -> anyhow::Result<LessSafeKey> {
    let key = UnboundKey::new(&AES_256_GCM, key).map_err(|_| anyhow!("not an AES-256 key"))?;
    Ok(LessSafeKey::new(key))
}

/// AES-256-GCM with a random nonce in front (NIST SP 800-38D).
pub(crate) fn seal(key: &LessSafeKey, clear: &[u8], context: &[u8]) -> anyhow::Result<Vec<u8>> {
    let nonce: [u8; NONCE_LEN] = random()?;
    let mut sealed = clear.to_vec();
    key.seal_in_place_append_tag(
        Nonce::assume_unique_for_key(nonce),
        Aad::from(context),
        &mut sealed,
    )
    .map_err(|_| anyhow!("sealing failed"))?;
    sealed.splice(0..0, nonce);
    Ok(sealed)
}

pub(crate) fn open(key: &LessSafeKey, sealed: &[u8], context: &[u8]) -> anyhow::Result<Vec<u8>> {
    ensure!(sealed.len() >= NONCE_LEN, "too short to be sealed");
    let (nonce, rest) = sealed.split_at(NONCE_LEN);
    let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| anyhow!("not a nonce"))?;
    let mut rest = rest.to_vec();
    let length = key
        .open_in_place(nonce, Aad::from(context), &mut rest)
        .map_err(|_| anyhow!("sealed with another key or for another place"))?
        .len();
    rest.truncate(length);
    Ok(rest)
}
