//! What a check without the log found, in words.

use serde::Serialize;

use crate::{Fault, Position, PublicKey, TreeHead};

/// What the one who checks knows already.
#[derive(Clone, Debug, Default)]
pub struct Expectations {
    /// The key of the log, from somewhere else than the file that is checked.
    pub key: Option<PublicKey>,
    /// A head that was kept from earlier.
    pub kept: Option<TreeHead>,
}

/// What a check without the log found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct OfflineReport {
    /// The name of the log.
    pub log: String,
    /// The first position that the file is about.
    pub from: Position,
    /// The last position that the file is about.
    pub to: Position,
    /// The head that everything was checked against.
    pub head: Option<TreeHead>,
    /// How many signed heads were checked.
    pub heads: i64,
    /// What is proven.
    pub proven: Vec<String>,
    /// What is not.
    pub not_proven: Vec<String>,
    /// The first thing that is wrong; then nothing is proven.
    pub fault: Option<Fault>,
}

impl OfflineReport {
    /// Notes a fault; what was proven up to it does not count.
    pub(super) fn with_fault(mut self, position: Position, detail: impl Into<String>) -> Self {
        self.proven.clear();
        self.fault = Some(Fault { position, detail: detail.into() });
        self
    }

    /// Says whose signature it was.
    pub(super) fn tell_of_key(&mut self, expected: &Expectations) {
        if expected.key.is_some() {
            let sentence = "the signatures are those of the key that was given".to_owned();
            self.proven.push(sentence);
        } else {
            self.not_proven.push(
                "that this log signed it: the key was taken from the file itself; \
                give --key with the output of `annals log key`"
                    .to_owned(),
            );
        }
    }

    /// Says whether the log goes on from what was known of it.
    pub(super) fn tell_of_kept(&mut self, kept: Option<(&TreeHead, bool)>) {
        self.not_proven.extend(match kept {
            Some((head, true)) => {
                self.proven.push(format!(
                    "it goes on from the kept head of {} events, signed {}",
                    head.size, head.sealed_at
                ));
                None
            }
            Some((head, false)) => Some(format!(
                "that it goes on from the kept head of {} events: the file does not reach there",
                head.size
            )),
            None => Some(
                "that others were shown the same history: compare heads with theirs, or give \
                --head with one kept from earlier"
                    .to_owned(),
            ),
        });
    }
}
