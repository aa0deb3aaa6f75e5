//! What people prefer: the changes they made, laid over the domain's defaults when they are read.

use chrono::{DateTime, Utc};
use domain::{
    Event,
    settings::{self, Communication, NotificationPreferences},
    user,
};
use eventlog::Recorded;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::Queries;

const COMMUNICATION: &str = "communication";
const NOTIFICATIONS: &str = "notifications";

/// Settings, and when they were changed.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SettingsView<T> {
    /// What holds now.
    pub settings: T,
    /// When the first of them was changed.
    pub created_at: Option<DateTime<Utc>>,
    /// When the last of them was changed.
    pub updated_at: Option<DateTime<Utc>>,
}

impl Queries {
    /// How to talk to a person.
    pub async fn communication(&self, user: Uuid) -> anyhow::Result<SettingsView<Communication>> {
        self.settings(user, COMMUNICATION, Communication::apply).await
    }

    /// What to tell a person.
    pub async fn notification_preferences(
        &self,
        user: Uuid,
    ) -> anyhow::Result<SettingsView<NotificationPreferences>> {
        self.settings(user, NOTIFICATIONS, NotificationPreferences::apply).await
    }

    async fn settings<T: Default, C: DeserializeOwned>(
        &self,
        user: Uuid,
        part: &str,
        apply: fn(&mut T, &C),
    ) -> anyhow::Result<SettingsView<T>> {
        let row = sqlx::query!(
            "select change, created_at, updated_at from settings_view
            where user_id = $1 and part = $2",
            user,
            part,
        )
        .fetch_optional(self.pool())
        .await?;
        let mut settings = T::default();
        let Some(row) = row else {
            return Ok(SettingsView { settings, created_at: None, updated_at: None });
        };
        apply(&mut settings, &serde_json::from_value(row.change)?);
        let (created_at, updated_at) = (Some(row.created_at), Some(row.updated_at));
        Ok(SettingsView { settings, created_at, updated_at })
    }
}

pub(crate) async fn apply(db: &mut PgConnection, recorded: &Recorded) -> anyhow::Result<()> {
    match &recorded.event {
        Event::Settings(settings::Event::CommunicationChanged { user, change }) => {
            let change = serde_json::to_value(change)?;
            Ok(merge(db, *user, COMMUNICATION, change, recorded.recorded_at).await?)
        }
        Event::Settings(settings::Event::NotificationsChanged { user, change }) => {
            let change = serde_json::to_value(change)?;
            Ok(merge(db, *user, NOTIFICATIONS, change, recorded.recorded_at).await?)
        }
        Event::Settings(settings::Event::Erased { user }) => Ok(delete(db, *user).await?),
        Event::User(user::Event::Erased { .. }) => Ok(delete(db, recorded.stream).await?),
        Event::User(_)
        | Event::Session(_)
        | Event::ApiKey(_)
        | Event::Chat(_)
        | Event::Login(_) => Ok(()),
    }
}

async fn delete(db: &mut PgConnection, user: Uuid) -> sqlx::Result<()> {
    sqlx::query!("delete from settings_view where user_id = $1", user).execute(db).await?;
    Ok(())
}

async fn merge(
    db: &mut PgConnection,
    user: Uuid,
    part: &str,
    change: Value,
    at: DateTime<Utc>,
) -> sqlx::Result<()> {
    sqlx::query!(
        "insert into settings_view as s (user_id, part, change, created_at, updated_at)
        values ($1, $2, $3, $4, $4)
        on conflict (user_id, part)
            do update set change = s.change || excluded.change, updated_at = excluded.updated_at",
        user,
        part,
        change,
        at,
    )
    .execute(db)
    .await?;
    Ok(())
}
