//! "This was not me": factors as they were before an event. Codes that were taken since stay taken, and
//! nothing that was let in without a factor is let in again.

use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;
use uuid::Uuid;

use super::{BackupCodes, Event, Factor, Factors, Passkey};
use crate::user::UNDO;

/// How long what was replaced is kept: as long as undoing may put it back, and a little longer.
const KEPT: TimeDelta = match UNDO.checked_add(&TimeDelta::hours(1)) {
    Some(kept) => kept,
    None => UNDO,
};

/// The wish that factors be as they were before an event.
#[derive(Clone, Debug)]
pub struct Undo {
    /// Whose they are.
    pub user: Uuid,
    /// The place in the log of the account's own undoing, which this follows from.
    pub by: i64,
    /// The factors before the event.
    pub before: Box<Factors>,
    /// Now.
    pub at: DateTime<Utc>,
}

/// What counted until it was replaced or taken away: undoing may put it back for a while.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Former {
    /// Factors, also those that were never shown.
    pub factors: Vec<Factor>,
    /// Passkeys.
    pub passkeys: Vec<Passkey>,
    /// The set of backup codes.
    pub backup_codes: Option<BackupCodes>,
    /// When it was replaced.
    pub at: DateTime<Utc>,
}

impl Factors {
    /// What was replaced so long ago that nobody can go back to it.
    pub fn outdated(&self, at: DateTime<Utc>) -> impl Iterator<Item = &Former> {
        self.former.iter().filter(move |former| at - former.at > KEPT)
    }

    /// May be asked again, until somebody undoes something else.
    pub(super) fn undo(&self, undo: Undo) -> Vec<Event> {
        let Undo { user, by, before, at } = undo;
        let active: Vec<_> = before.active.into_iter().map(|it| self.as_shown(it)).collect();
        let passkeys: Vec<_> = before.passkeys.into_iter().map(|it| self.as_counted(it)).collect();
        let backup_codes = before.backup_codes.map(|codes| self.as_used(codes));
        let is_empty = active.is_empty() && passkeys.is_empty();
        let is_done = self.undone.is_some_and(|done| by <= done);
        if is_done || self.is_untouched() && is_empty {
            return vec![];
        }
        vec![Event::Undone { user, by, active, passkeys, backup_codes, at }]
    }

    /// Whether there is nothing to take away.
    pub(super) fn is_untouched(&self) -> bool {
        let untouched = Self { former: vec![], undone: None, spent: vec![], ..self.clone() };
        untouched == Self::default()
    }

    /// Takes in that other factors count from now on.
    pub(super) fn put_back(
        &mut self,
        by: i64,
        (active, passkeys): (&[Factor], &[Passkey]),
        backup_codes: Option<&BackupCodes>,
        at: DateTime<Utc>,
    ) {
        self.put_all_aside(at);
        let Self { former, spent, .. } = std::mem::take(self);
        let (active, passkeys) = (active.to_vec(), passkeys.to_vec());
        let (backup_codes, undone) = (backup_codes.cloned(), Some(by));
        *self = Self { active, passkeys, spent, backup_codes, former, undone, ..Self::default() };
        for former in &mut self.former {
            former.factors.retain(|old| self.active.iter().all(|factor| factor.id != old.id));
            former.passkeys.retain(|old| self.passkeys.iter().all(|known| known.id != old.id));
            let set = self.backup_codes.as_ref().map(|codes| codes.set);
            former.backup_codes.take_if(|codes| Some(codes.set) == set);
        }
    }

    /// Keeps all that counts, for when it is put back.
    pub(super) fn put_all_aside(&mut self, at: DateTime<Utc>) {
        let mut factors = std::mem::take(&mut self.active);
        factors.append(&mut self.prepared);
        let passkeys = std::mem::take(&mut self.passkeys);
        let backup_codes = self.backup_codes.take();
        self.keep_former(Former { factors, passkeys, backup_codes, at });
    }

    pub(super) fn put_aside(
        &mut self,
        factors: Vec<Factor>,
        backup_codes: Option<BackupCodes>,
        at: DateTime<Utc>,
    ) {
        self.keep_former(Former { factors, passkeys: vec![], backup_codes, at });
    }

    pub(super) fn keep_former(&mut self, former: Former) {
        let Former { factors, passkeys, backup_codes, .. } = &former;
        if !factors.is_empty() || !passkeys.is_empty() || backup_codes.is_some() {
            self.former.push(former);
        }
    }

    /// Together with what is kept beside the stream, and only then.
    pub(super) fn forget_outdated(&mut self, at: DateTime<Utc>) {
        self.former.retain(|former| at - former.at <= KEPT);
    }

    /// A factor with the last step that was ever taken of it.
    fn as_shown(&self, factor: Factor) -> Factor {
        let former = self.former.iter().flat_map(|former| &former.factors);
        let known = self.active.iter().chain(former).filter(|known| known.id == factor.id);
        let last_step = known.map(|known| known.last_step).max().flatten().max(factor.last_step);
        Factor { last_step, ..factor }
    }

    /// A passkey with the most uses that were ever counted.
    fn as_counted(&self, mut passkey: Passkey) -> Passkey {
        let former = self.former.iter().flat_map(|former| &former.passkeys);
        for known in self.passkeys.iter().chain(former).filter(|known| known.id == passkey.id) {
            passkey.counter = passkey.counter.max(known.counter);
            passkey.used_at = passkey.used_at.max(known.used_at);
        }
        passkey
    }

    /// A set of codes without those that were ever used.
    fn as_used(&self, mut codes: BackupCodes) -> BackupCodes {
        let former = self.former.iter().filter_map(|former| former.backup_codes.as_ref());
        for known in self.backup_codes.iter().chain(former).filter(|known| known.set == codes.set) {
            codes.unused.retain(|ordinal| known.unused.contains(ordinal));
        }
        codes
    }
}
