//! A person with an account.

mod account;
mod address;
mod credential;
mod erasure;
mod error;
mod evolve;
mod profile;
#[cfg(test)]
mod tests;
mod undo;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

pub use account::{Account, Challenge, Role, Verification};
pub use address::{AddressChange, EmailChange, Former, UNDO};
pub use credential::{Credential, Replaced};
pub use erasure::Erasure;
pub use error::Error;
pub use profile::{Handle, InvalidHandle, InvalidWebAddress, Profile, WebAddress};
pub use undo::{Undo, Undone};

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
    /// Write down that somebody tried to open another account with its address.
    RecordRegistration {
        /// Now.
        at: DateTime<Utc>,
    },
    /// Ask whether the mailbox is theirs.
    RequestVerification(Challenge),
    /// Answer that question.
    Verify {
        /// The question that is answered.
        challenge: Uuid,
        /// Now.
        at: DateTime<Utc>,
    },
    /// Take a step about how the person shows who they are.
    Credential(Credential),
    /// Take a step of moving to another address.
    Address(AddressChange),
    /// Tell something else of the person.
    ChangeProfile {
        /// The name they go by.
        name: Option<Text>,
        /// The rest.
        profile: Profile,
    },
    /// Put everything back as it was before an event.
    Undo(Undo),
    /// Settle a case.
    ResolveCase {
        /// Which.
        case: Uuid,
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
    /// Somebody tried to open another account with its address, and only the owner is told.
    #[serde(rename = "user.registration_tried")]
    RegistrationTried {
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
    /// The password is another one; its hash was stored beside it.
    #[serde(rename = "user.password_changed")]
    PasswordChanged {
        /// The name of the hash.
        password: Uuid,
        /// When.
        at: DateTime<Utc>,
    },
    /// A link to choose another password was to be mailed.
    #[serde(rename = "user.password_reset_requested")]
    PasswordResetRequested {
        /// What the link answers.
        challenge: Challenge,
    },
    /// Somebody at the mailbox chose another password; its hash was stored beside it.
    #[serde(rename = "user.password_reset")]
    PasswordReset {
        /// The question that was answered.
        challenge: Uuid,
        /// The name of the hash.
        password: Uuid,
        /// When.
        at: DateTime<Utc>,
    },
    /// The mailbox was proven by its owner while others may have credentials: none is good any more,
    /// whichever stream keeps it.
    #[serde(rename = "user.credentials_dropped")]
    CredentialsDropped {
        /// When.
        at: DateTime<Utc>,
    },
    /// A link to sign in was to be mailed.
    #[serde(rename = "user.magic_link_requested")]
    MagicLinkRequested {
        /// What the link answers.
        challenge: Challenge,
    },
    /// That link was followed.
    #[serde(rename = "user.magic_link_used")]
    MagicLinkUsed {
        /// The question that was answered.
        challenge: Uuid,
    },
    /// A link to prove another address was to be mailed to it.
    #[serde(rename = "user.email_change_requested")]
    EmailChangeRequested {
        /// The other address.
        to: Personal<Email>,
        /// What the link answers.
        challenge: Challenge,
    },
    /// It moved to another address, and keeps the old one for a while.
    #[serde(rename = "user.email_changed")]
    EmailChanged {
        /// The old address.
        from: Personal<Email>,
        /// The new one.
        to: Personal<Email>,
        /// The question that was answered.
        challenge: Uuid,
        /// When.
        at: DateTime<Utc>,
    },
    /// An address that was left long ago is free for others.
    #[serde(rename = "user.email_released")]
    EmailReleased {
        /// Which.
        email: Personal<Email>,
    },
    /// The person tells this of themselves from now on.
    #[serde(rename = "user.profile_changed")]
    ProfileChanged {
        /// The name they go by.
        name: Option<Personal<Text>>,
        /// The rest.
        profile: Profile,
    },
    /// Everything since an event was put back, on this stream by this event. Whatever other stream
    /// keeps credentials of the person goes by `of`, too.
    #[serde(rename = "user.undone")]
    Undone {
        /// The event's place in the log.
        of: i64,
        /// The last place that was looked at.
        seen: i64,
        /// The address from now on.
        email: Personal<Email>,
        /// Addresses that were moved to since.
        released: Vec<Personal<Email>>,
        /// The name of the hash from now on.
        password: Option<Uuid>,
        /// Whether the mailbox was known to be theirs.
        is_verified: bool,
        /// The case that waits for an administrator.
        case: Uuid,
        /// When.
        at: DateTime<Utc>,
    },
    /// An administrator has settled a case.
    #[serde(rename = "user.case_resolved")]
    CaseResolved {
        /// Which.
        case: Uuid,
        /// When.
        at: DateTime<Utc>,
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
            (Self::Active(account), command) => self.decide_active(account, command),
            (Self::Deactivated(_) | Self::Leaving | Self::Erased { .. }, Command::Register(_)) => {
                Err(Error::AlreadyRegistered)
            }
            (
                Self::Absent | Self::Deactivated(_) | Self::Leaving | Self::Erased { .. },
                Command::Erasure(step),
            ) => erasure::decide(self, step),
            (Self::Deactivated(account), Command::ResolveCase { case, at }) => {
                account.resolve(case, at)
            }
            (Self::Deactivated(_), Command::Activate) => Ok(vec![Event::Activated {}]),
            (Self::Deactivated(_), Command::Deactivate) => Ok(vec![]),
            (
                Self::Absent | Self::Deactivated(_) | Self::Leaving | Self::Erased { .. },
                Command::RecordRegistration { .. }
                | Command::RequestVerification(_)
                | Command::Verify { .. }
                | Command::Credential(_)
                | Command::Address(_)
                | Command::ChangeProfile { .. }
                | Command::Undo(_)
                | Command::ResolveCase { .. }
                | Command::ChangeRole(_)
                | Command::Deactivate
                | Command::Activate,
            ) => Err(Error::NotFound),
        }
    }

    fn evolve(&mut self, event: &Event) {
        self.take_in(event);
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
            Event::EmailChanged { to, .. } => address::taken(to),
            Event::EmailReleased { email } => address::released(email).into_iter().collect(),
            Event::Undone { email, released, case, .. } => undo::claims(email, released, *case),
            Event::CaseResolved { case, .. } => {
                vec![Claim::Release(ClaimScope::Case, case.as_bytes().to_vec())]
            }
            Event::ErasureRequested { email, .. } => erasure::claims(email, active),
            Event::ErasureCertified { .. } => vec![Claim::Release(ClaimScope::Erasure, active)],
            Event::RegistrationTried { .. }
            | Event::VerificationRequested { .. }
            | Event::EmailVerified { .. }
            | Event::PasswordChanged { .. }
            | Event::PasswordResetRequested { .. }
            | Event::PasswordReset { .. }
            | Event::CredentialsDropped { .. }
            | Event::MagicLinkRequested { .. }
            | Event::MagicLinkUsed { .. }
            | Event::EmailChangeRequested { .. }
            | Event::ProfileChanged { .. }
            | Event::RoleChanged { .. }
            | Event::Erased { .. } => vec![],
        }
    }
}

impl User {
    fn decide_active(&self, account: &Account, command: Command) -> Result<Vec<Event>, Error> {
        match command {
            Command::Register(_) => Err(Error::AlreadyRegistered),
            Command::RecordRegistration { at } => Ok(vec![Event::RegistrationTried { at }]),
            Command::RequestVerification(challenge) => {
                account.may_be_asked()?;
                Ok(vec![Event::VerificationRequested { challenge }])
            }
            Command::Verify { challenge, at } => account.verify(challenge, at),
            Command::Credential(step) => credential::decide(account, step),
            Command::Address(step) => address::decide(account, step),
            Command::ChangeProfile { name, profile } => Ok(account.tell(name, profile)),
            Command::Undo(undo) => undo::decide(account, undo),
            Command::ResolveCase { case, at } => account.resolve(case, at),
            Command::ChangeRole(role) if account.role == role => Ok(vec![]),
            Command::ChangeRole(role) => Ok(vec![Event::RoleChanged { role }]),
            Command::Deactivate => Ok(vec![Event::Deactivated {}]),
            Command::Activate => Ok(vec![]),
            Command::Erasure(step) => erasure::decide(self, step),
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
