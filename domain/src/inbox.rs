//! What a person does with all their notices at once.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{Aggregate, Category, Rejection};

/// A person's inbox as a whole: what was done to all notices that were there at the time.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Inbox {
    /// When all were last marked as read.
    pub all_read_at: Option<DateTime<Utc>>,
    /// When all that were read were last thrown away.
    pub read_deleted_at: Option<DateTime<Utc>>,
}

/// What may be asked.
#[derive(Clone, Copy, Debug)]
pub enum Command {
    /// Mark all as read.
    ReadAll {
        /// Whose inbox.
        user: Uuid,
        /// Now.
        at: DateTime<Utc>,
    },
    /// Throw away all that were read.
    DeleteRead {
        /// Whose inbox.
        user: Uuid,
        /// Now.
        at: DateTime<Utc>,
    },
}

/// What can have happened, each time to what stands before it in the log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Event {
    /// All were marked as read.
    #[serde(rename = "inbox.all_read")]
    AllRead {
        /// Whose inbox.
        user: Uuid,
        /// When.
        at: DateTime<Utc>,
    },
    /// All that were read were thrown away.
    #[serde(rename = "inbox.read_deleted")]
    ReadDeleted {
        /// Whose inbox.
        user: Uuid,
        /// When.
        at: DateTime<Utc>,
    },
}

/// Nothing is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {}

impl From<Error> for Rejection {
    fn from(error: Error) -> Self {
        match error {}
    }
}

impl Aggregate for Inbox {
    const CATEGORY: Category = Category::Inbox;
    type Command = Command;
    type Event = Event;
    type Error = Error;

    fn decide(&self, command: Command) -> Result<Vec<Event>, Error> {
        Ok(vec![match command {
            Command::ReadAll { user, at } => Event::AllRead { user, at },
            Command::DeleteRead { user, at } => Event::ReadDeleted { user, at },
        }])
    }

    fn evolve(&mut self, event: &Event) {
        match event {
            Event::AllRead { at, .. } => self.all_read_at = Some(*at),
            Event::ReadDeleted { at, .. } => self.read_deleted_at = Some(*at),
        }
    }
}

impl Event {
    /// Whose inbox it happened to.
    #[must_use]
    pub const fn user(&self) -> Uuid {
        match self {
            Self::AllRead { user, .. } | Self::ReadDeleted { user, .. } => *user,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Command, Event, Inbox};
    use crate::{
        Aggregate,
        testing::{assert_replays, at, given, id},
    };

    #[test]
    fn all_may_be_read_again_and_again_because_new_ones_may_have_come() {
        let read = |seconds| Event::AllRead { user: id(1), at: at(seconds) };
        let inbox = given::<Inbox>(&[read(1)]);

        let outcome = inbox.decide(Command::ReadAll { user: id(1), at: at(2) });

        assert_eq!(outcome, Ok(vec![read(2)]));
    }

    #[test]
    fn an_inbox_knows_when_it_was_read_and_cleared() {
        let inbox = given::<Inbox>(&[
            Event::AllRead { user: id(1), at: at(1) },
            Event::ReadDeleted { user: id(1), at: at(2) },
        ]);

        assert_eq!((inbox.all_read_at, inbox.read_deleted_at), (Some(at(1)), Some(at(2))));
    }

    #[test]
    fn what_was_stored_leads_to_the_same_inbox() {
        assert_replays::<Inbox>(vec![
            Command::ReadAll { user: id(1), at: at(1) },
            Command::DeleteRead { user: id(1), at: at(2) },
        ]);
    }
}
