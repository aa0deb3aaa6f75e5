//! How a person shows who they are: a password, or a link that was mailed to them.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::{Account, Challenge, Error, Event, Verification};

/// A step about how a person shows who they are.
#[derive(Clone, Copy, Debug)]
pub enum Credential {
    /// Have another password, whose hash is stored beside the event.
    ChangePassword {
        /// The name of the hash.
        password: Uuid,
        /// Now.
        at: DateTime<Utc>,
    },
    /// Be mailed a link that lets one choose another password.
    RequestReset(Challenge),
    /// Follow that link.
    ResetPassword {
        /// The question that is answered.
        challenge: Uuid,
        /// The name of the new hash.
        password: Uuid,
        /// Now.
        at: DateTime<Utc>,
    },
    /// Be mailed a link that signs one in.
    RequestMagicLink(Challenge),
    /// Follow that link.
    UseMagicLink {
        /// The question that is answered.
        challenge: Uuid,
        /// Now.
        at: DateTime<Utc>,
    },
}

/// A password that was replaced: undoing may put it back for a while.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Replaced {
    /// The name of its hash.
    pub password: Uuid,
    /// When it was replaced.
    pub at: DateTime<Utc>,
}

pub(super) fn decide(account: &Account, step: Credential) -> Result<Vec<Event>, Error> {
    match step {
        Credential::ChangePassword { password, at } => {
            Ok(vec![Event::PasswordChanged { password, at }])
        }
        Credential::RequestReset(challenge) => {
            Ok(vec![Event::PasswordResetRequested { challenge }])
        }
        Credential::ResetPassword { challenge, password, at } => {
            answered(account.reset, challenge, at)?;
            let mut events = account.prove_mailbox(challenge, at);
            events.push(Event::PasswordReset { challenge, password, at });
            Ok(events)
        }
        Credential::RequestMagicLink(challenge) => {
            Ok(vec![Event::MagicLinkRequested { challenge }])
        }
        Credential::UseMagicLink { challenge, at } => {
            answered(account.magic_link, challenge, at)?;
            let mut events = account.prove_mailbox(challenge, at);
            events.push(Event::MagicLinkUsed { challenge });
            Ok(events)
        }
    }
}

/// Refuses the answer to a question that was not asked, was answered, or is too old.
pub(super) fn answered(
    asked: Option<Challenge>,
    answer: Uuid,
    at: DateTime<Utc>,
) -> Result<(), Error> {
    match asked {
        Some(asked) if asked.id == answer && at < asked.expires_at => Ok(()),
        Some(_) | None => Err(Error::StaleChallenge),
    }
}

impl Account {
    /// Whoever answers from the mailbox owns it. If nobody had shown that before, somebody else may
    /// have opened the account with this address and waits: nothing of theirs stays good.
    fn prove_mailbox(&self, challenge: Uuid, at: DateTime<Utc>) -> Vec<Event> {
        match self.verification {
            Verification::Verified => vec![],
            Verification::Unasked | Verification::Pending(_) => vec![
                Event::EmailVerified { challenge: Some(challenge) },
                Event::CredentialsDropped { at },
            ],
        }
    }

    pub(super) fn take_password(&mut self, password: Uuid, at: DateTime<Utc>) {
        if let Some(before) = self.password.replace(password) {
            self.replaced.push(Replaced { password: before, at });
        }
        self.forget_links();
    }

    pub(super) fn drop_credentials(&mut self) {
        self.password = None;
        self.forget_links();
    }

    /// Links that were mailed are dead once what they rely on has changed.
    pub(super) fn forget_links(&mut self) {
        self.era += 1;
        self.reset = None;
        self.magic_link = None;
        self.email_change = None;
    }
}
