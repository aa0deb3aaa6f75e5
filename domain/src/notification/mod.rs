//! A notice to one person, and what the person did with it.

mod content;
#[cfg(test)]
mod tests;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

pub use content::{ActionUrl, Body, Content, InvalidContent, Metadata, Topic, Urgency};

use crate::{Aggregate, Category, Kind, Personal, Rejection};

/// A notice to one person.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub enum Notification {
    /// There is no such notice.
    #[default]
    Absent,
    /// It lies in the person's inbox.
    Kept(Kept),
    /// The person threw it away.
    Deleted {
        /// Whose it was.
        user: Uuid,
    },
}

/// What is true of a notice that was not thrown away.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Kept {
    /// Whose it is.
    pub user: Uuid,
    /// What it says.
    pub content: Personal<Content>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// From when on nobody is shown it any more.
    pub expires_at: Option<DateTime<Utc>>,
    /// When the person read it, unless it counts as unread. The inbox may say that all were read since.
    pub read_at: Option<DateTime<Utc>>,
    /// Until when it hides.
    pub snoozed_until: Option<DateTime<Utc>>,
    /// Whether it was put away.
    pub is_archived: bool,
}

/// What may be asked of a notice.
#[derive(Clone, Debug)]
pub enum Command {
    /// Make it.
    Create(Creation),
    /// Let its person do something with it.
    Handle {
        /// Who asks.
        user: Uuid,
        /// What.
        step: Step,
        /// Now.
        at: DateTime<Utc>,
    },
}

/// What making a notice needs.
#[derive(Clone, Debug)]
pub struct Creation {
    /// For whom.
    pub user: Uuid,
    /// How urgent it is.
    pub urgency: Urgency,
    /// What it is about.
    pub topic: Topic,
    /// What it says.
    pub content: Content,
    /// Now.
    pub at: DateTime<Utc>,
    /// From when on nobody is shown it any more.
    pub expires_at: Option<DateTime<Utc>>,
}

/// What a person does with a notice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Has read it.
    Read,
    /// Wants it to count as unread.
    Unread,
    /// Wants it to come back later; none ends that.
    Snooze(Option<DateTime<Utc>>),
    /// Puts it away.
    Archive,
    /// Takes it out again.
    Unarchive,
    /// Throws it away.
    Delete,
}

/// What can have happened to a notice. Each says whose it is, so that a reader needs no other event.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Event {
    /// It was made.
    #[serde(rename = "notification.created")]
    Created {
        /// For whom.
        user: Uuid,
        /// How urgent it is.
        urgency: Urgency,
        /// What it is about.
        topic: Topic,
        /// What it says.
        content: Personal<Content>,
        /// When.
        at: DateTime<Utc>,
        /// From when on nobody is shown it any more.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        expires_at: Option<DateTime<Utc>>,
    },
    /// Its person read it.
    #[serde(rename = "notification.read")]
    Read {
        /// Whose it is.
        user: Uuid,
        /// When.
        at: DateTime<Utc>,
    },
    /// It counts as unread.
    #[serde(rename = "notification.unread")]
    Unread {
        /// Whose it is.
        user: Uuid,
    },
    /// It hides for a while.
    #[serde(rename = "notification.snoozed")]
    Snoozed {
        /// Whose it is.
        user: Uuid,
        /// Until when; none brings it back at once.
        until: Option<DateTime<Utc>>,
    },
    /// It was put away, or taken out again.
    #[serde(rename = "notification.archived")]
    Archived {
        /// Whose it is.
        user: Uuid,
        /// Whether it is put away now.
        is_archived: bool,
    },
    /// It was thrown away.
    #[serde(rename = "notification.deleted")]
    Deleted {
        /// Whose it was.
        user: Uuid,
    },
}

/// Why a command to a notice was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The id is taken.
    #[error("this notification exists already")]
    AlreadyCreated,
    /// There is no such notice, or it is somebody else's.
    #[error("there is no such notification")]
    NotFound,
    /// A moment that has passed.
    #[error("this moment has passed; name one in the future")]
    Past,
}

impl From<Error> for Rejection {
    fn from(error: Error) -> Self {
        let (kind, code) = match error {
            Error::AlreadyCreated => (Kind::Conflict, "already_created"),
            Error::NotFound => (Kind::Missing, "not_found"),
            Error::Past => (Kind::Invalid, "moment_passed"),
        };
        Self::new(kind, code, error.to_string())
    }
}

impl Aggregate for Notification {
    const CATEGORY: Category = Category::Notification;
    type Command = Command;
    type Event = Event;
    type Error = Error;

    fn decide(&self, command: Command) -> Result<Vec<Event>, Error> {
        match (self, command) {
            (Self::Absent, Command::Create(creation)) => create(creation),
            (Self::Kept(_) | Self::Deleted { .. }, Command::Create(_)) => {
                Err(Error::AlreadyCreated)
            }
            (Self::Kept(kept), Command::Handle { user, step, at }) if kept.user == user => {
                kept.handle(step, at)
            }
            // Twice is as good as once.
            (Self::Deleted { user: its }, Command::Handle { user, step: Step::Delete, .. })
                if *its == user =>
            {
                Ok(vec![])
            }
            (Self::Absent | Self::Kept(_) | Self::Deleted { .. }, Command::Handle { .. }) => {
                Err(Error::NotFound)
            }
        }
    }

    fn evolve(&mut self, event: &Event) {
        match event {
            Event::Created { user, content, at, expires_at, .. } => {
                *self = Self::Kept(Kept {
                    user: *user,
                    content: content.clone(),
                    created_at: *at,
                    expires_at: *expires_at,
                    read_at: None,
                    snoozed_until: None,
                    is_archived: false,
                });
            }
            Event::Deleted { user } => *self = Self::Deleted { user: *user },
            Event::Read { at, .. } => self.change(|kept| kept.read_at = Some(*at)),
            Event::Unread { .. } => self.change(|kept| kept.read_at = None),
            Event::Snoozed { until, .. } => self.change(|kept| kept.snoozed_until = *until),
            Event::Archived { is_archived, .. } => {
                self.change(|kept| kept.is_archived = *is_archived);
            }
        }
    }
}

impl Event {
    /// Whose notice it happened to.
    #[must_use]
    pub const fn user(&self) -> Uuid {
        match self {
            Self::Created { user, .. }
            | Self::Read { user, .. }
            | Self::Unread { user }
            | Self::Snoozed { user, .. }
            | Self::Archived { user, .. }
            | Self::Deleted { user } => *user,
        }
    }
}

impl Notification {
    fn change(&mut self, change: impl FnOnce(&mut Kept)) {
        if let Self::Kept(kept) = self {
            change(kept);
        }
    }
}

impl Kept {
    fn handle(&self, step: Step, at: DateTime<Utc>) -> Result<Vec<Event>, Error> {
        let user = self.user;
        Ok(match step {
            Step::Read if self.read_at.is_some() => vec![],
            Step::Read => vec![Event::Read { user, at }],
            // The inbox may have said since that all were read; this stream does not know.
            Step::Unread => vec![Event::Unread { user }],
            Step::Snooze(until) if until == self.snoozed_until => vec![],
            Step::Snooze(Some(until)) if until <= at => return Err(Error::Past),
            Step::Snooze(until) => vec![Event::Snoozed { user, until }],
            Step::Archive | Step::Unarchive => {
                let is_archived = step == Step::Archive;
                let is_new = is_archived != self.is_archived;
                is_new.then_some(Event::Archived { user, is_archived }).into_iter().collect()
            }
            Step::Delete => vec![Event::Deleted { user }],
        })
    }
}

fn create(creation: Creation) -> Result<Vec<Event>, Error> {
    let Creation { user, urgency, topic, content, at, expires_at } = creation;
    if expires_at.is_some_and(|end| end <= at) {
        return Err(Error::Past);
    }
    Ok(vec![Event::Created { user, urgency, topic, content: content.into(), at, expires_at }])
}
