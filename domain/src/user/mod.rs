//! A person with an account.

mod account;
mod erasure;
mod error;
#[cfg(test)]
mod tests;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

pub use account::{Account, Challenge, Role, Verification};
pub use erasure::Erasure;
pub use error::Error;

use crate::{Aggregate, Category, Claim, ClaimScope, Email, Personal, Text};

/// A person's account.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub enum User {
    /// Nobody registered under this id.
    #[default]
    Absent,
    /// May act.
    Active(Account),
    /// May not act until an administrator says otherwise.
    Deactivated(Account),
    /// Is being erased; may never act again.
    Leaving,
    /// Was erased. The id never returns.
    Erased {
        /// Whether it was written down what became of the data.
        is_certified: bool,
    },
}

/// What may be asked of an account.
#[derive(Clone, Debug)]
pub enum Command {
    /// Open it.
    Register(Registration),
    /// Ask whether the mailbox is theirs.
    RequestVerification(Challenge),
    /// Answer that question.
    Verify {
        /// The question that is answered.
        challenge: Uuid,
        /// Now.
        at: DateTime<Utc>,
    },
    /// Give it another role.
    ChangeRole(Role),
    /// Take away the right to act.
    Deactivate,
    /// Give it back.
    Activate,
    /// Take a step of erasing the person, for good.
    Erasure(Erasure),
}

/// What opening an account needs.
#[derive(Clone, Debug)]
pub struct Registration {
    /// Where mail goes.
    pub email: Email,
    /// What to call the person.
    pub name: Option<Text>,
    /// What the person may do.
    pub role: Role,
    /// The question to send to the mailbox; none where the operator vouches for it.
    pub challenge: Option<Challenge>,
    /// Now.
    pub at: DateTime<Utc>,
}

/// What can have happened to an account.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Event {
    /// It was opened; the password hash was stored beside it.
    #[serde(rename = "user.registered")]
    Registered {
        /// Where mail goes.
        email: Personal<Email>,
        /// What to call the person.
        name: Option<Personal<Text>>,
        /// What the person may do.
        role: Role,
        /// When.
        at: DateTime<Utc>,
    },
    /// A link was to be mailed.
    #[serde(rename = "user.verification_requested")]
    VerificationRequested {
        /// What the link answers.
        challenge: Challenge,
    },
    /// The mailbox was shown to be theirs.
    #[serde(rename = "user.email_verified")]
    EmailVerified {
        /// The question that was answered; none where the operator vouched.
        challenge: Option<Uuid>,
    },
    /// It got another role.
    #[serde(rename = "user.role_changed")]
    RoleChanged {
        /// The new one.
        role: Role,
    },
    /// It lost the right to act.
    #[serde(rename = "user.deactivated")]
    Deactivated {},
    /// It got the right to act back.
    #[serde(rename = "user.activated")]
    Activated {},
    /// The person is to be erased: from now on the account is dead and the address free.
    #[serde(rename = "user.erasure_requested")]
    ErasureRequested {
        /// The address that is given back.
        email: Personal<Email>,
        /// When.
        at: DateTime<Utc>,
    },
    /// The person's key was destroyed beside this: nobody can read their personal data any more.
    #[serde(rename = "user.erased")]
    Erased {
        /// When.
        at: DateTime<Utc>,
    },
    /// What was left outside the log is gone, too.
    #[serde(rename = "user.erasure_certified")]
    ErasureCertified {
        /// The signed certificate, which tells nothing of the person.
        certificate: Value,
    },
}

impl User {
    /// The account, unless nobody registered or the person left.
    #[must_use]
    pub fn account(&self) -> Option<&Account> {
        match self {
            Self::Absent | Self::Leaving | Self::Erased { .. } => None,
            Self::Active(account) | Self::Deactivated(account) => Some(account),
        }
    }

    fn account_mut(&mut self) -> Option<&mut Account> {
        match self {
            Self::Absent | Self::Leaving | Self::Erased { .. } => None,
            Self::Active(account) | Self::Deactivated(account) => Some(account),
        }
    }
}

impl Aggregate for User {
    const CATEGORY: Category = Category::User;
    type Command = Command;
    type Event = Event;
    type Error = Error;

    fn decide(&self, command: Command) -> Result<Vec<Event>, Error> {
        match (self, command) {
            (Self::Absent, Command::Register(registration)) => Ok(register(registration)),
            (Self::Active(account), Command::RequestVerification(challenge)) => {
                account.may_be_asked()?;
                Ok(vec![Event::VerificationRequested { challenge }])
            }
            (Self::Active(account), Command::Verify { challenge, at }) => {
                account.verify(challenge, at)
            }
            (Self::Active(account), Command::ChangeRole(role)) if account.role == role => {
                Ok(vec![])
            }
            (Self::Active(_), Command::ChangeRole(role)) => Ok(vec![Event::RoleChanged { role }]),
            (Self::Active(_), Command::Deactivate) => Ok(vec![Event::Deactivated {}]),
            (Self::Deactivated(_), Command::Activate) => Ok(vec![Event::Activated {}]),
            (Self::Active(_), Command::Activate) | (Self::Deactivated(_), Command::Deactivate) => {
                Ok(vec![])
            }
            (
                Self::Active(_) | Self::Deactivated(_) | Self::Leaving | Self::Erased { .. },
                Command::Register(_),
            ) => Err(Error::AlreadyRegistered),
            (
                Self::Absent
                | Self::Active(_)
                | Self::Deactivated(_)
                | Self::Leaving
                | Self::Erased { .. },
                Command::Erasure(step),
            ) => erasure::decide(self, step),
            (
                Self::Absent | Self::Deactivated(_) | Self::Leaving | Self::Erased { .. },
                Command::RequestVerification(_)
                | Command::Verify { .. }
                | Command::ChangeRole(_)
                | Command::Deactivate
                | Command::Activate,
            ) => Err(Error::NotFound),
        }
    }

    fn evolve(&mut self, event: &Event) {
        match event {
            Event::Registered { email, name, role, at } => {
                *self = Self::Active(Account {
                    email: email.clone(),
                    name: name.clone(),
                    role: *role,
                    verification: Verification::Unasked,
                    registered_at: *at,
                });
            }
            Event::VerificationRequested { challenge } => {
                self.change(|account| account.verification = Verification::Pending(*challenge));
            }
            Event::EmailVerified { .. } => {
                self.change(|account| account.verification = Verification::Verified);
            }
            Event::RoleChanged { role } => self.change(|account| account.role = *role),
            Event::Deactivated {} => {
                *self = self.account().cloned().map_or(Self::Absent, Self::Deactivated);
            }
            Event::Activated {} => {
                *self = self.account().cloned().map_or(Self::Absent, Self::Active);
            }
            Event::ErasureRequested { .. } => *self = Self::Leaving,
            Event::Erased { .. } => *self = Self::Erased { is_certified: false },
            Event::ErasureCertified { .. } => *self = Self::Erased { is_certified: true },
        }
    }

    fn claims(id: Uuid, event: &Event) -> Vec<Claim> {
        let active = id.as_bytes().to_vec();
        match event {
            Event::Registered { email, .. } => {
                let address = email.known().map(|email| email.normalised().into_bytes());
                let taken = address.map(|key| Claim::Take(ClaimScope::Email, key));
                taken.into_iter().chain([Claim::Take(ClaimScope::ActiveUser, active)]).collect()
            }
            Event::Deactivated {} => vec![Claim::Release(ClaimScope::ActiveUser, active)],
            Event::Activated {} => vec![Claim::Take(ClaimScope::ActiveUser, active)],
            Event::ErasureRequested { email, .. } => erasure::claims(email, active),
            Event::ErasureCertified { .. } => vec![Claim::Release(ClaimScope::Erasure, active)],
            Event::VerificationRequested { .. }
            | Event::EmailVerified { .. }
            | Event::RoleChanged { .. }
            | Event::Erased { .. } => vec![],
        }
    }
}

impl User {
    fn change(&mut self, change: impl FnOnce(&mut Account)) {
        if let Some(account) = self.account_mut() {
            change(account);
        }
    }
}

fn register(registration: Registration) -> Vec<Event> {
    let Registration { email, name, role, challenge, at } = registration;
    let opened =
        Event::Registered { email: email.into(), name: name.map(Personal::from), role, at };
    let next = challenge.map_or(Event::EmailVerified { challenge: None }, |challenge| {
        Event::VerificationRequested { challenge }
    });
    vec![opened, next]
}
