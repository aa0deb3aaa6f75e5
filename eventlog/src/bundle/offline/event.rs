//! Checking the proof of one event.

use anyhow::{Context, ensure};

use crate::{
    PublicKey,
    bundle::{EventProof, Expectations, OfflineReport, proof::FORMAT},
};

/// Checks the proof of one event.
pub(super) fn check_proof(
    proof: &EventProof,
    expected: &Expectations,
) -> anyhow::Result<OfflineReport> {
    ensure!(proof.format == FORMAT, "a proof of another format: {}", proof.format);
    let key = match &expected.key {
        Some(key) => key.clone(),
        None => proof.key.parse().context("the key of the proof")?,
    };
    let (position, head) = (proof.inclusion.position, &proof.head);
    let report = OfflineReport {
        log: head.origin.clone(),
        from: position,
        to: position,
        head: Some(head.clone()),
        heads: 1,
        proven: vec![],
        not_proven: vec![],
        fault: None,
    };
    match prove(proof, &key, expected) {
        Ok(is_kept_reached) => Ok(tell(report, proof, expected, is_kept_reached)),
        Err(detail) => Ok(report.with_fault(position, detail)),
    }
}

/// Whether the proof holds, and whether it reaches back to the kept head.
fn prove(proof: &EventProof, key: &PublicKey, expected: &Expectations) -> Result<bool, String> {
    let EventProof { head, event, inclusion, consistency, older_head, .. } = proof;
    let holds = |is_so: bool, what: &str| is_so.then_some(()).ok_or_else(|| what.to_owned());
    head.verify(key).map_err(|error| error.to_string())?;
    let leaf = event.leaf_digest().map_err(|error| error.to_string())?;
    holds(event.position == inclusion.position, "the proof is of another position")?;
    holds(leaf == inclusion.leaf, "the event is not that of the proof")?;
    holds(head.size == inclusion.size, "the proof is of another tree")?;
    holds(inclusion.proves(head.root), "the event is not in the tree that was signed")?;
    let mut is_kept_reached = false;
    for older in older_head.iter().chain(&expected.kept) {
        older.verify(key).map_err(|error| format!("the older head: {error}"))?;
        let is_it = expected.kept.as_ref() == Some(older);
        let Some(grown) = consistency.as_ref().filter(|proof| proof.from == older.size) else {
            holds(is_it, "the older head is not that of the consistency proof")?;
            continue;
        };
        holds(grown.to == head.size, "the consistency proof is of another tree")?;
        holds(grown.proves(older.root, head.root), "the tree does not go on from the older head")?;
        is_kept_reached |= is_it;
    }
    Ok(is_kept_reached)
}

fn tell(
    mut report: OfflineReport,
    proof: &EventProof,
    expected: &Expectations,
    is_kept_reached: bool,
) -> OfflineReport {
    let EventProof { head, older_head, inclusion, .. } = proof;
    report.proven.push(format!(
        "the event at position {} is, byte for byte, that of the log of {} events whose head was signed {}",
        inclusion.position, head.size, head.sealed_at,
    ));
    if let Some(older) = older_head {
        report.heads += 1;
        report.proven.push(format!(
            "the log goes on from what it was when the head of {} events was signed {}",
            older.size, older.sealed_at
        ));
    }
    report.tell_of_key(expected);
    report.tell_of_kept(expected.kept.as_ref().map(|head| (head, is_kept_reached)));
    report
}
