//! What whoever writes a letter may look up.

use chrono::{DateTime, Utc};
use commands::Commands;
use domain::{
    Personal,
    user::{Account, User},
};
use eventlog::Recorded;
use uuid::Uuid;

use super::letter::{Addressee, Draft, Letter, Stamp};

/// What whoever writes a letter may look up: the log, never a read model.
pub(super) struct Desk {
    pub commands: Commands,
}

impl Desk {
    /// Now.
    pub(super) fn now(&self) -> DateTime<Utc> {
        self.commands.clock().now()
    }

    /// A person's account; none once they have left.
    pub(super) async fn account(&self, user: Uuid) -> anyhow::Result<Option<Account>> {
        let loaded = self.commands.log().load::<User>(user).await?;
        Ok(loaded.state.account().cloned())
    }

    /// Where a link in a mail leads: to this service as the operator calls it, whatever a request said.
    pub(super) fn link(&self, path: &str, token: &str) -> String {
        format!("{}{path}?token={token}", self.commands.policy().public_url.trim_end_matches('/'))
    }

    /// From where an event was asked for, where that is still known.
    pub(super) async fn address(&self, event: &Recorded) -> anyhow::Result<Option<String>> {
        let mut opened = self.commands.log().circumstances(&[&event.meta]).await?;
        let address = opened.pop().and_then(|opened| opened.address);
        Ok(address.and_then(Personal::into_known))
    }
}

impl Addressee {
    /// Whom mail to an account reaches, unless they were erased.
    pub(super) fn of(account: &Account) -> Option<Self> {
        let email = account.email.known()?.clone();
        let name = account.name.as_ref().and_then(Personal::known).map(ToString::to_string);
        Some(Self { email, name })
    }
}

/// Whom an event tells of.
pub(super) fn person(event: &Recorded) -> Uuid {
    event.meta.subject.unwrap_or(event.stream)
}

/// What mails, and the rows about them, that are sent because of an event are called: by their
/// person first, so that they are found when the person is erased.
pub(super) fn name(event: &Recorded, separator: char) -> String {
    let (person, Recorded { stream, version, .. }) = (person(event), event);
    if person == *stream {
        return format!("{person}{separator}{version}");
    }
    format!("{person}{separator}{stream}{separator}{version}")
}

impl Draft {
    /// Writes the letter that follows from an event.
    pub(super) fn because_of(self, event: &Recorded, to: Addressee) -> anyhow::Result<Letter> {
        let stamp = Stamp { id: name(event, '.'), date: event.recorded_at };
        self.write(to, stamp)
    }
}
