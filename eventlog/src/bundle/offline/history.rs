//! Checking a person's history.

use anyhow::{Context, ensure};
use base64::{Engine, engine::general_purpose::STANDARD};

use crate::{
    Digest, Position, PublicKey, TreeHead,
    bundle::{
        Expectations, HISTORY_FORM, OfflineReport,
        history::{History, Item},
    },
    proof::LeafHead,
};

/// Checks every item of a history.
pub(super) fn check_history(
    history: &History,
    expected: &Expectations,
) -> anyhow::Result<OfflineReport> {
    ensure!(history.form == HISTORY_FORM, "a history of another form: {}", history.form);
    let key = match &expected.key {
        Some(key) => key.clone(),
        None => history.root.public_key.parse().context("the key of the history")?,
    };
    let head = &history.root.tree_head;
    let positions = || history.items.iter().map(|item| item.position);
    let report = OfflineReport {
        log: head.origin.clone(),
        from: positions().min().unwrap_or(0),
        to: positions().max().unwrap_or(0),
        head: Some(head.clone()),
        heads: 1,
        proven: vec![],
        not_proven: vec![],
        fault: None,
    };
    match prove(history, &key) {
        Ok(()) => Ok(tell(report, history, expected)),
        Err((position, detail)) => Ok(report.with_fault(position, detail)),
    }
}

fn prove(history: &History, key: &PublicKey) -> Result<(), (Position, String)> {
    let head = &history.root.tree_head;
    head.verify(key).map_err(|error| (head.size, error.to_string()))?;
    let mut last = Position::MAX;
    for item in &history.items {
        let position = item.position;
        if position >= last {
            return Err((position, "the items do not go back in time".to_owned()));
        }
        prove_item(item, head).map_err(|detail| (position, detail))?;
        last = position;
    }
    Ok(())
}

fn prove_item(item: &Item, head: &TreeHead) -> Result<(), String> {
    let inclusion = &item.proof.inclusion;
    let holds = |is_so: bool, what: &str| is_so.then_some(()).ok_or_else(|| what.to_owned());
    holds(inclusion.position == item.position, "the proof is of another position")?;
    holds(inclusion.size == head.size, "the proof is of another tree")?;
    holds(inclusion.proves(head.root), "the event is not in the tree that was signed")?;
    let Some(leaf) = &item.proof.leaf else { return Ok(()) };
    let leaf = STANDARD.decode(leaf).map_err(|error| format!("the leaf: {error}"))?;
    holds(Digest::of_leaf(&leaf) == inclusion.leaf, "the leaf is not that of the proof")?;
    let told = LeafHead {
        position: item.position,
        stream: item.resource_id,
        recorded_at: item.timestamp.timestamp_micros(),
        name: &item.action,
    };
    holds(LeafHead::of(&leaf) == Some(told), "the item tells something else than its leaf")
}

fn tell(mut report: OfflineReport, history: &History, expected: &Expectations) -> OfflineReport {
    let head = &history.root.tree_head;
    let count = |has_leaf: bool| {
        history.items.iter().filter(|item| item.proof.leaf.is_some() == has_leaf).count()
    };
    report.proven.push(format!(
        "{} items stand at their positions in the log of {} events whose head was signed {}, with the name, \
        the time and the id that they tell",
        count(true), head.size, head.sealed_at,
    ));
    if count(false) > 0 {
        report.proven.push(format!(
            "{} further events stand at their positions; only their digests are told, because others caused them",
            count(false),
        ));
    }
    report.not_proven.push(
        "addresses, devices and reasons (they are sealed in the leaves), and that no item is left out"
            .to_owned(),
    );
    report.tell_of_key(expected);
    report.tell_of_kept(expected.kept.as_ref().map(|kept| (kept, kept == head)));
    report
}
