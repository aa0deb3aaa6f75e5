//! Moving to another address: the new one proves itself, the old one is kept for a while.

use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;
use uuid::Uuid;

use super::{Account, Challenge, Error, Event, credential::answered};
use crate::{Claim, ClaimScope, Email, Personal};

/// How long what was done to an account can be undone, and an address that was left is kept for it.
pub const UNDO: TimeDelta = TimeDelta::days(7);

/// A step of moving to another address.
#[derive(Clone, Debug)]
pub enum AddressChange {
    /// Ask the new mailbox.
    Request {
        /// The new address.
        to: Email,
        /// What the mailed link answers.
        challenge: Challenge,
    },
    /// Follow the link.
    Confirm {
        /// The question that is answered.
        challenge: Uuid,
        /// Now.
        at: DateTime<Utc>,
    },
    /// Give an address back that was left long ago.
    Release {
        /// Which.
        email: Email,
        /// Now.
        at: DateTime<Utc>,
    },
}

/// A move that waits for the new mailbox.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct EmailChange {
    /// The new address.
    pub to: Personal<Email>,
    /// What the mailed link answers.
    pub challenge: Challenge,
}

/// An address that was left and is still kept.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Former {
    /// The address.
    pub email: Personal<Email>,
    /// When it was left.
    pub at: DateTime<Utc>,
}

pub(super) fn decide(account: &Account, step: AddressChange) -> Result<Vec<Event>, Error> {
    match step {
        AddressChange::Request { to, .. } if account.is_at(&to) => Err(Error::SameEmail),
        AddressChange::Request { to, challenge } => {
            Ok(vec![Event::EmailChangeRequested { to: to.into(), challenge }])
        }
        AddressChange::Confirm { challenge, at } => {
            let Some(change) = &account.email_change else { return Err(Error::StaleChallenge) };
            answered(Some(change.challenge), challenge, at)?;
            let (from, to) = (account.email.clone(), change.to.clone());
            Ok(vec![Event::EmailChanged { from, to, challenge, at }])
        }
        AddressChange::Release { email, at } => account.release(&email, at),
    }
}

impl Account {
    /// Whether mail to an address reaches it.
    #[must_use]
    pub fn is_at(&self, email: &Email) -> bool {
        is(&self.email, email)
    }

    fn release(&self, email: &Email, at: DateTime<Utc>) -> Result<Vec<Event>, Error> {
        let left = self.former.iter().find(|former| is(&former.email, email));
        match left {
            Some(left) if !self.is_at(email) && at - left.at >= UNDO => {
                Ok(vec![Event::EmailReleased { email: left.email.clone() }])
            }
            Some(_) | None => Err(Error::EmailTaken),
        }
    }

    pub(super) fn move_to(&mut self, to: &Personal<Email>, at: DateTime<Utc>) {
        self.forget(to);
        let email = std::mem::replace(&mut self.email, to.clone());
        self.former.push(Former { email, at });
        self.verification = super::Verification::Verified;
        self.forget_links();
    }

    /// Keeps an address no longer.
    pub(super) fn forget(&mut self, email: &Personal<Email>) {
        self.former.retain(|former| !same(&former.email, email));
    }
}

/// The new address is taken; the old one stays, so that the move can be undone.
pub(super) fn taken(to: &Personal<Email>) -> Vec<Claim> {
    key(to).map(|key| Claim::Take(ClaimScope::Email, key)).into_iter().collect()
}

pub(super) fn released(email: &Personal<Email>) -> Option<Claim> {
    key(email).map(|key| Claim::Release(ClaimScope::Email, key))
}

pub(super) fn same(one: &Personal<Email>, other: &Personal<Email>) -> bool {
    match (one.known(), other.known()) {
        (Some(one), Some(other)) => one.normalised() == other.normalised(),
        (Some(_), None) | (None, Some(_)) => false,
        (None, None) => true,
    }
}

fn is(held: &Personal<Email>, email: &Email) -> bool {
    held.known().is_some_and(|held| held.normalised() == email.normalised())
}

fn key(email: &Personal<Email>) -> Option<Vec<u8>> {
    email.known().map(|email| email.normalised().into_bytes())
}
