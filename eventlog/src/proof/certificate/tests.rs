//! Certificates, signed and tampered with.

use serde_json::json;

use super::*;
use crate::{
    ServiceKey,
    proof::{Digest, head::Statement, key::Signer},
};

fn signer(seed: u8) -> Signer {
    Signer::new(&ServiceKey::from_bytes([seed; 32])).unwrap()
}

fn noon() -> DateTime<Utc> {
    DateTime::from_timestamp_micros(1_767_700_800_000_000).unwrap()
}

fn head(size: Position, signer: &Signer) -> TreeHead {
    let root = Digest::of_leaf(&size.to_be_bytes());
    TreeHead::sign(&Statement { size, root, epoch: 1, at: noon() }, signer)
}

fn erasure(signer: &Signer) -> Erasure {
    Erasure {
        subject: Uuid::from_u128(7),
        requested_by: Some(Uuid::from_u128(7)),
        requested_at: noon(),
        requested_position: 11,
        erased_at: noon(),
        erased_position: 14,
        certified_at: noon(),
        ended: BTreeMap::from([("session.ended".to_owned(), vec![12, 13])]),
        purged: BTreeMap::from([("vault.secret".to_owned(), 1)]),
        tree_before: head(11, signer),
        tree_after: head(14, signer),
    }
}

fn certificate() -> Certificate {
    sign(erasure(&signer(7)), &signer(7)).unwrap()
}

#[test]
fn a_certificate_is_good_for_whoever_has_the_key() {
    let stored = serde_json::to_value(certificate()).unwrap();
    let read: Certificate = serde_json::from_value(stored).unwrap();

    assert_eq!(read.verify(signer(7).public()), Ok(()));
    assert_eq!(read.key.parse(), Ok(signer(7).public().clone()));
}

#[test]
fn another_key_does_not_vouch_for_it() {
    let outcome = certificate().verify(signer(8).public());

    assert!(matches!(outcome, Err(InvalidCertificate::OtherKey(_))), "{outcome:?}");
}

#[test]
fn no_word_of_it_can_be_changed() {
    for (from, to) in [("\"vault.secret\":1", "\"vault.secret\":9"), ("erasure\n", "erasurf\n")] {
        let mut forged = certificate();
        forged.note = forged.note.replace(from, to);

        assert!(forged.verify(signer(7).public()).is_err(), "{to}");
    }
}

#[test]
fn what_stands_beside_the_note_must_be_what_it_says() {
    let mut stored = serde_json::to_value(certificate()).unwrap();
    stored["erasure"]["requested_position"] = json!(1);
    let forged: Certificate = serde_json::from_value(stored).unwrap();

    assert_eq!(forged.verify(signer(7).public()), Err(InvalidCertificate::Contradiction));
}

#[test]
fn a_tree_head_of_another_log_gives_it_away() {
    let mut foreign = erasure(&signer(7));
    foreign.tree_after = head(14, &signer(8));

    let outcome = sign(foreign, &signer(7)).unwrap().verify(signer(7).public());

    assert!(matches!(outcome, Err(InvalidCertificate::Head(_))), "{outcome:?}");
}

#[test]
fn the_tree_must_have_grown_by_the_erasure() {
    let mut early = erasure(&signer(7));
    early.tree_after = head(13, &signer(7));

    let outcome = sign(early, &signer(7)).unwrap().verify(signer(7).public());

    assert_eq!(outcome, Err(InvalidCertificate::Order));
}
