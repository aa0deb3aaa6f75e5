//! Erasing a person, step by step: the account dies, the key is destroyed, the rest is certified.

use chrono::{DateTime, Utc};
use serde_json::Value;

use super::{Error, Event, User};
use crate::{Claim, ClaimScope, Email, Personal};

/// A step of erasing a person. Each follows the one before, and one that was taken is not taken twice.
#[derive(Clone, Debug)]
pub enum Erasure {
    /// The account is dead and the address free.
    Request {
        /// Now.
        at: DateTime<Utc>,
    },
    /// Everything of the person's has ended: the key is destroyed.
    Destroy {
        /// Now.
        at: DateTime<Utc>,
    },
    /// What became of the person's data is written down.
    Certify {
        /// The signed certificate, which tells nothing of the person.
        certificate: Value,
    },
}

pub(super) fn decide(user: &User, step: Erasure) -> Result<Vec<Event>, Error> {
    match (user, step) {
        (User::Active(account) | User::Deactivated(account), Erasure::Request { at }) => {
            let left = account.former.iter().map(|former| former.email.clone());
            let freed = left.map(|email| Event::EmailReleased { email });
            let settled = account.cases.iter().map(|case| Event::CaseResolved { case: *case, at });
            let email = account.email.clone();
            Ok(freed.chain(settled).chain([Event::ErasureRequested { email, at }]).collect())
        }
        (User::Leaving, Erasure::Destroy { at }) => Ok(vec![Event::Erased { at }]),
        (User::Erased { is_certified: false }, Erasure::Certify { certificate }) => {
            Ok(vec![Event::ErasureCertified { certificate }])
        }
        (User::Leaving | User::Erased { .. }, Erasure::Request { .. })
        | (User::Erased { .. }, Erasure::Destroy { .. })
        | (User::Erased { is_certified: true }, Erasure::Certify { .. }) => Ok(vec![]),
        (
            User::Active(_) | User::Deactivated(_),
            Erasure::Destroy { .. } | Erasure::Certify { .. },
        )
        | (User::Leaving, Erasure::Certify { .. }) => Err(Error::NotLeaving),
        (
            User::Absent,
            Erasure::Request { .. } | Erasure::Destroy { .. } | Erasure::Certify { .. },
        ) => Err(Error::NotFound),
    }
}

/// What a request changes: the address is free, the right to act gone, and the rest is to be done.
pub(super) fn claims(email: &Personal<Email>, id: Vec<u8>) -> Vec<Claim> {
    let address = email.known().map(|email| email.normalised().into_bytes());
    let freed = address.map(|key| Claim::Release(ClaimScope::Email, key));
    let rest =
        [Claim::Release(ClaimScope::ActiveUser, id.clone()), Claim::Take(ClaimScope::Erasure, id)];
    freed.into_iter().chain(rest).collect()
}
