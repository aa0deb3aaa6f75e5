//! The projections by name, and the tables each fills.

use anyhow::Context;
use domain::{Event, session, user};
use eventlog::Recorded;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::{
    Refusal, admin, api_keys, audit, cases, chat_sessions, erasures, notifications, sessions,
    settings, usage, users,
};

/// A read model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Projection {
    /// Accounts.
    Users,
    /// Signed-in devices.
    Sessions,
    /// Keys for programs.
    ApiKeys,
    /// What people prefer.
    Settings,
    /// Conversations and what was said in them.
    ChatSessions,
    /// What each person used of each model.
    Usage,
    /// Numbers for the dashboard.
    Admin,
    /// Who did what about whom.
    Audit,
    /// Inboxes.
    Notifications,
}

impl Projection {
    /// Every projection there is.
    pub const ALL: [Self; 9] = [
        Self::Users,
        Self::Sessions,
        Self::ApiKeys,
        Self::Settings,
        Self::ChatSessions,
        Self::Usage,
        Self::Admin,
        Self::Audit,
        Self::Notifications,
    ];

    /// Its name in `read.projection`, in metrics, and on the command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Users => "users",
            Self::Sessions => "sessions",
            Self::ApiKeys => "api_keys",
            Self::Settings => "settings",
            Self::ChatSessions => "chat_sessions",
            Self::Usage => "usage",
            Self::Admin => "admin",
            Self::Audit => "audit",
            Self::Notifications => "notifications",
        }
    }

    /// The projection called `name`.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|projection| projection.name() == name)
    }

    /// The same for a name that somebody typed.
    pub(crate) fn required(name: &str) -> Result<Self, Refusal> {
        Self::named(name).ok_or_else(|| Refusal::Unknown(name.to_owned()))
    }

    /// The tables it alone writes, in the order in which a query locks them.
    #[must_use]
    pub const fn tables(self) -> &'static [&'static str] {
        match self {
            Self::Users => &["user_view", "erasure_view", "case_view"],
            Self::Sessions => &["session_view"],
            Self::ApiKeys => &["api_key_view"],
            Self::Settings => &["settings_view"],
            Self::ChatSessions => &["chat_session_view", "chat_message_view"],
            Self::Usage => &["usage_view", "usage_owner_view", "usage_run_view"],
            Self::Admin => &["admin_day_view", "admin_active_view"],
            Self::Audit => &["audit_view"],
            Self::Notifications => &["notification_view"],
        }
    }

    /// Whether events called `name` change its tables; the others need not be decoded for it.
    #[must_use]
    pub fn wants(self, name: &str) -> bool {
        match self {
            Self::Users => users::wants(name),
            Self::Sessions => sessions::wants(name),
            Self::ApiKeys => api_keys::wants(name),
            Self::Settings => settings::wants(name),
            Self::ChatSessions => chat_sessions::wants(name),
            Self::Usage => usage::wants(name),
            Self::Admin => admin::wants(name),
            Self::Audit => audit::wants(name),
            Self::Notifications => notifications::wants(name),
        }
    }

    /// The stream on whose rows alone an event bears; none where it bears on those of several. Events
    /// of one key are taken in in their order, whatever becomes of others.
    pub(crate) fn key(self, event: &Recorded) -> Option<Uuid> {
        match (self, &event.event) {
            (Self::Admin | Self::Audit, _) => Some(event.stream),
            (_, Event::User(user::Event::Erased { .. })) => None,
            (Self::Notifications, event) => notifications::owner(event),
            (Self::Users, Event::Session(session::Event::Started { user, .. })) => Some(*user),
            (Self::Users, Event::Factors(event)) => users::two_factor(event).map(|(user, _)| user),
            (Self::Users, Event::User(_))
            | (Self::Sessions, Event::Session(_))
            | (Self::ApiKeys, Event::ApiKey(_))
            | (Self::Settings, Event::Settings(_))
            | (Self::ChatSessions | Self::Usage, Event::Chat(_)) => Some(event.stream),
            (
                Self::Users
                | Self::Sessions
                | Self::ApiKeys
                | Self::Settings
                | Self::ChatSessions
                | Self::Usage,
                _,
            ) => None,
        }
    }

    /// Writes down what follows from events that come after all those taken in before.
    pub async fn apply(self, db: &mut PgConnection, events: &[Recorded]) -> anyhow::Result<()> {
        let wanted: Vec<_> = events.iter().filter(|event| self.wants(&event.name)).collect();
        self.write(db, &wanted).await
    }

    /// The same for events that it wants.
    pub(crate) async fn write(
        self,
        db: &mut PgConnection,
        events: &[&Recorded],
    ) -> anyhow::Result<()> {
        let (Some(first), Some(last)) = (events.first(), events.last()) else { return Ok(()) };
        let written = match self {
            Self::Users => write_users(db, events).await.map_err(Into::into),
            Self::Sessions => sessions::apply(db, events).await.map_err(Into::into),
            Self::ApiKeys => api_keys::apply(db, events).await,
            Self::Settings => settings::apply(db, events).await,
            Self::ChatSessions => chat_sessions::apply(db, events).await,
            Self::Usage => usage::apply(db, events).await.map_err(Into::into),
            Self::Admin => admin::apply(db, events).await.map_err(Into::into),
            Self::Audit => audit::apply(db, events).await.map_err(Into::into),
            Self::Notifications => notifications::apply(db, events).await,
        };
        written.with_context(|| match events {
            [only] => {
                format!("applying position {} ({}) to {}", only.position, only.name, self.name())
            }
            _ => format!("applying {} to {} to {}", first.position, last.position, self.name()),
        })
    }
}

async fn write_users(db: &mut PgConnection, events: &[&Recorded]) -> sqlx::Result<()> {
    users::apply(db, events).await?;
    for event in events {
        erasures::apply(db, event).await?;
        cases::apply(db, event).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::Projection;

    #[test]
    fn a_projection_is_found_by_its_name() {
        for projection in Projection::ALL {
            assert_eq!(Projection::named(projection.name()), Some(projection));
        }
    }

    #[test]
    fn no_projection_has_another_name() {
        assert_eq!(Projection::named("user_view"), None);
    }

    #[test]
    fn a_table_belongs_to_one_projection() {
        let tables: Vec<_> = Projection::ALL.iter().flat_map(|it| it.tables()).collect();

        let distinct: HashSet<_> = tables.iter().collect();

        assert_eq!(distinct.len(), tables.len());
    }
}
