//! What a person prefers: how Annals talks to them, and of what.

mod communication;
mod notification;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

pub use communication::{
    Communication, CommunicationChange, EmailFrequency, InvalidSetting, Language, TimeOfDay,
    Timezone,
};
pub use notification::{NotificationChange, NotificationPreferences};

use crate::{Aggregate, Category, Kind, Rejection};

/// A person's preferences; those never set are the defaults.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Settings {
    /// How to talk to them.
    pub communication: Communication,
    /// Of what.
    pub notifications: NotificationPreferences,
}

/// What may be asked.
#[derive(Clone, Debug)]
pub enum Command {
    /// Change how to talk to them.
    ChangeCommunication {
        /// Whose settings.
        user: Uuid,
        /// The fields to change.
        change: CommunicationChange,
    },
    /// Change what to tell them.
    ChangeNotifications {
        /// Whose settings.
        user: Uuid,
        /// The fields to change.
        change: NotificationChange,
    },
    /// Forget all of them: the person leaves.
    Erase {
        /// Whose settings.
        user: Uuid,
    },
}

/// What can have happened to a person's settings.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Event {
    /// Some of how to talk to them.
    #[serde(rename = "settings.communication_changed")]
    CommunicationChanged {
        /// Whose.
        user: Uuid,
        /// The fields that are different now.
        change: CommunicationChange,
    },
    /// Some of what to tell them.
    #[serde(rename = "settings.notifications_changed")]
    NotificationsChanged {
        /// Whose.
        user: Uuid,
        /// The fields that are different now.
        change: NotificationChange,
    },
    /// All of them, because the person left.
    #[serde(rename = "settings.erased")]
    Erased {
        /// Whose.
        user: Uuid,
    },
}

/// Why a change was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Nobody may opt out of security notices.
    #[error("security alerts cannot be switched off")]
    CategoryMandatory,
}

impl From<Error> for Rejection {
    fn from(error: Error) -> Self {
        match error {
            Error::CategoryMandatory => {
                Self::new(Kind::Invalid, "category_mandatory", error.to_string())
            }
        }
    }
}

impl Aggregate for Settings {
    const CATEGORY: Category = Category::Settings;
    type Command = Command;
    type Event = Event;
    type Error = Error;

    fn decide(&self, command: Command) -> Result<Vec<Event>, Error> {
        match command {
            Command::ChangeCommunication { user, change } => {
                let change = change.since(&self.communication);
                if change == CommunicationChange::default() {
                    return Ok(vec![]);
                }
                Ok(vec![Event::CommunicationChanged { user, change }])
            }
            Command::ChangeNotifications { change, .. }
                if change.security_alerts == Some(false) =>
            {
                Err(Error::CategoryMandatory)
            }
            Command::ChangeNotifications { user, change } => {
                let change = change.since(&self.notifications);
                if change == NotificationChange::default() {
                    return Ok(vec![]);
                }
                Ok(vec![Event::NotificationsChanged { user, change }])
            }
            Command::Erase { .. } if *self == Self::default() => Ok(vec![]),
            Command::Erase { user } => Ok(vec![Event::Erased { user }]),
        }
    }

    fn evolve(&mut self, event: &Event) {
        match event {
            Event::CommunicationChanged { change, .. } => self.communication.apply(change),
            Event::NotificationsChanged { change, .. } => self.notifications.apply(change),
            Event::Erased { .. } => *self = Self::default(),
        }
    }
}

/// A record of settings and, from the same list of fields, the record of a change to some of them.
macro_rules! settings {
    (
        $(#[$of_settings:meta])* $settings:ident, $(#[$of_change:meta])* $change:ident,
        { $($(#[$doc:meta])* $field:ident: $type:ty = $default:expr,)* }
    ) => {
        $(#[$of_settings])*
        #[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
        pub struct $settings {
            $($(#[$doc])* pub $field: $type,)*
        }

        impl Default for $settings {
            fn default() -> Self {
                Self { $($field: $default,)* }
            }
        }

        $(#[$of_change])*
        #[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
        pub struct $change {
            $($(#[$doc])* #[serde(default, skip_serializing_if = "Option::is_none")]
            pub $field: Option<$type>,)*
        }

        impl $change {
            /// Keeps only the fields that differ from what is already so.
            #[must_use]
            pub fn since(self, now: &$settings) -> Self {
                Self { $($field: self.$field.filter(|new| *new != now.$field),)* }
            }
        }

        impl $settings {
            /// Takes a change over.
            pub fn apply(&mut self, change: &$change) {
                $(if let Some(new) = &change.$field { self.$field = new.clone(); })*
            }
        }
    };
}
use settings;
