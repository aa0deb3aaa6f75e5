//! What people prefer: the changes they made, laid over the domain's defaults when they are read.

use std::collections::BTreeMap;

use anyhow::bail;
use chrono::{DateTime, Utc};
use domain::{
    Event,
    settings::{self, Communication, NotificationPreferences},
    user,
};
use eventlog::Recorded;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Map, Value};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::{Queries, erasures::ERASED};

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

/// Which events change preferences.
pub(crate) fn wants(name: &str) -> bool {
    name.starts_with("settings.") || name == ERASED
}

pub(crate) async fn apply(db: &mut PgConnection, batch: &[&Recorded]) -> anyhow::Result<()> {
    let mut parts = BTreeMap::<(Uuid, &str), Part>::new();
    let mut erased = Vec::new();
    let mut forget = |parts: &mut BTreeMap<(Uuid, &str), Part>, user: Uuid| {
        parts.retain(|(whose, _), _| *whose != user);
        erased.push(user);
    };
    for recorded in batch {
        let at = recorded.recorded_at;
        match &recorded.event {
            Event::Settings(settings::Event::CommunicationChanged { user, change }) => {
                merge(&mut parts, (*user, COMMUNICATION), change, at)?;
            }
            Event::Settings(settings::Event::NotificationsChanged { user, change }) => {
                merge(&mut parts, (*user, NOTIFICATIONS), change, at)?;
            }
            Event::Settings(settings::Event::Erased { user }) => forget(&mut parts, *user),
            Event::User(user::Event::Erased { .. }) => forget(&mut parts, recorded.stream),
            Event::User(_)
            | Event::Session(_)
            | Event::ApiKey(_)
            | Event::Chat(_)
            | Event::Login(_)
            | Event::Audit(_)
            | Event::Notification(_)
            | Event::Inbox(_)
            | Event::Factors(_) => {}
        }
    }
    erase(db, &erased).await?;
    Ok(write(db, parts).await?)
}

/// Rows of earlier batches; those of this one are left out already.
async fn erase(db: &mut PgConnection, users: &[Uuid]) -> sqlx::Result<()> {
    if users.is_empty() {
        return Ok(());
    }
    sqlx::query!("delete from settings_view where user_id = any($1)", users).execute(db).await?;
    Ok(())
}

/// What a batch changes about some preferences of a person.
struct Part {
    change: Map<String, Value>,
    first_at: DateTime<Utc>,
    last_at: DateTime<Utc>,
}

/// Lays a change over those before it, as Postgres does with those of earlier batches.
fn merge<'a>(
    parts: &mut BTreeMap<(Uuid, &'a str), Part>,
    key: (Uuid, &'a str),
    change: &impl Serialize,
    at: DateTime<Utc>,
) -> anyhow::Result<()> {
    let Value::Object(change) = serde_json::to_value(change)? else {
        bail!("a change of settings is no object");
    };
    let part =
        parts.entry(key).or_insert_with(|| Part { change: Map::new(), first_at: at, last_at: at });
    part.change.extend(change);
    part.last_at = at;
    Ok(())
}

async fn write(db: &mut PgConnection, parts: BTreeMap<(Uuid, &str), Part>) -> sqlx::Result<()> {
    if parts.is_empty() {
        return Ok(());
    }
    let (mut users, mut names, mut changes) = (vec![], vec![], vec![]);
    let (mut first, mut last) = (vec![], vec![]);
    for ((user, name), part) in parts {
        users.push(user);
        names.push(name.to_owned());
        changes.push(Value::Object(part.change));
        first.push(part.first_at);
        last.push(part.last_at);
    }
    sqlx::query!(
        "insert into settings_view as s (user_id, part, change, created_at, updated_at)
        select user_id, part, change, created_at, updated_at
        from unnest($1::uuid[], $2::text[], $3::jsonb[], $4::timestamptz[], $5::timestamptz[])
            c(user_id, part, change, created_at, updated_at)
        on conflict (user_id, part)
            do update set change = s.change || excluded.change, updated_at = excluded.updated_at",
        &users,
        &names,
        &changes,
        &first,
        &last,
    )
    .execute(db)
    .await?;
    Ok(())
}
