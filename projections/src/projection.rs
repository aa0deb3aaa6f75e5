//! The projections by name, and the tables each fills.

use anyhow::Context;
use eventlog::Recorded;
use sqlx::PgConnection;

use crate::{admin, api_keys, chat_sessions, erasures, sessions, settings, usage, users};

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
}

impl Projection {
    /// Every projection there is.
    pub const ALL: [Self; 7] = [
        Self::Users,
        Self::Sessions,
        Self::ApiKeys,
        Self::Settings,
        Self::ChatSessions,
        Self::Usage,
        Self::Admin,
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
        }
    }

    /// The projection called `name`.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|projection| projection.name() == name)
    }

    /// The tables it alone writes, in the order in which a query locks them.
    #[must_use]
    pub const fn tables(self) -> &'static [&'static str] {
        match self {
            Self::Users => &["user_view", "erasure_view"],
            Self::Sessions => &["session_view"],
            Self::ApiKeys => &["api_key_view"],
            Self::Settings => &["settings_view"],
            Self::ChatSessions => &["chat_session_view", "chat_message_view"],
            Self::Usage => &["usage_view", "usage_owner_view", "usage_run_view"],
            Self::Admin => &["admin_day_view", "admin_active_view"],
        }
    }

    /// Writes down what follows from events that come after all those taken in before.
    pub async fn apply(self, db: &mut PgConnection, events: &[Recorded]) -> anyhow::Result<()> {
        if self == Self::Admin {
            return admin::apply(db, events).await.context("applying a batch to admin");
        }
        for event in events {
            self.apply_one(db, event).await.with_context(|| {
                format!("applying position {} ({}) to {}", event.position, event.name, self.name())
            })?;
        }
        Ok(())
    }

    async fn apply_one(self, db: &mut PgConnection, event: &Recorded) -> anyhow::Result<()> {
        match self {
            Self::Users => {
                users::apply(db, event).await?;
                erasures::apply(db, event).await?;
            }
            Self::Sessions => sessions::apply(db, event).await?,
            Self::ApiKeys => api_keys::apply(db, event).await?,
            Self::Settings => settings::apply(db, event).await?,
            Self::ChatSessions => chat_sessions::apply(db, event).await?,
            Self::Usage => usage::apply(db, event).await?,
            Self::Admin => admin::apply(db, std::slice::from_ref(event)).await?,
        }
        Ok(())
    }
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
