//! "This was not me": everything since an event is put back, and an administrator is told.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::{Account, Error, Event, Verification, address};
use crate::{Claim, ClaimScope, Email, Personal};

/// The wish that an account be as it was before an event.
#[derive(Clone, Debug)]
pub struct Undo {
    /// The event's place in the log.
    pub of: i64,
    /// The last place in the log that was looked at.
    pub seen: i64,
    /// The account before the event.
    pub before: Box<Account>,
    /// The case that is opened for administrators.
    pub case: Uuid,
    /// Now.
    pub at: DateTime<Utc>,
}

/// What was undone last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Undone {
    /// From this place in the log on.
    pub of: i64,
    /// Up to this one.
    pub seen: i64,
}

pub(super) fn decide(account: &Account, undo: Undo) -> Result<Vec<Event>, Error> {
    let Undo { of, seen, before, case, at } = undo;
    let is_done = account.undone.is_some_and(|undone| undone.of <= of && of <= undone.seen);
    if is_done {
        return Err(Error::StaleChallenge);
    }
    let is_new = |email: &Personal<Email>| {
        !address::same(email, &before.email)
            && !before.former.iter().any(|former| address::same(email, &former.email))
    };
    let held = account.former.iter().map(|former| &former.email).chain([&account.email]);
    let released = held.filter(|email| is_new(email)).cloned().collect();
    Ok(vec![Event::Undone {
        of,
        seen,
        email: before.email.clone(),
        released,
        password: before.password,
        is_verified: before.is_verified(),
        case,
        at,
    }])
}

pub(super) fn claims(
    email: &Personal<Email>,
    released: &[Personal<Email>],
    case: Uuid,
) -> Vec<Claim> {
    let mut claims = address::taken(email);
    claims.extend(released.iter().filter_map(address::released));
    claims.push(Claim::Take(ClaimScope::Case, case.as_bytes().to_vec()));
    claims
}

impl Account {
    /// Says whether a case of this account waits for an administrator.
    pub(super) fn resolve(&self, case: Uuid, at: DateTime<Utc>) -> Result<Vec<Event>, Error> {
        if !self.cases.contains(&case) {
            return Err(Error::NoCase);
        }
        Ok(vec![Event::CaseResolved { case, at }])
    }

    pub(super) fn put_back(
        &mut self,
        email: &Personal<Email>,
        released: &[Personal<Email>],
        password: Option<Uuid>,
        is_verified: bool,
    ) {
        for gone in released.iter().chain([email]) {
            self.forget(gone);
        }
        self.email = email.clone();
        self.password = password;
        self.verification =
            if is_verified { Verification::Verified } else { Verification::Unasked };
        self.forget_links();
    }
}
