//! Accounts.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use domain::{
    Email, Event, Personal, Text, factors, session,
    user::{self, Role},
};
use eventlog::Recorded;
use serde::{Deserialize, Serialize, de::IntoDeserializer};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::Queries;

/// An account.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct UserView {
    /// Its id.
    pub id: Uuid,
    /// Where mail goes; empty once the person was erased.
    pub email: String,
    /// What to call the person.
    pub name: Option<String>,
    /// What the person may do.
    pub role: Role,
    /// Whether it may act.
    pub is_active: bool,
    /// Whether the mailbox is known to be theirs.
    pub is_verified: bool,
    /// Whether the password alone is not enough.
    pub is_two_factor_enabled: bool,
    /// When it was opened.
    pub registered_at: DateTime<Utc>,
    /// When the person last signed in.
    pub last_login_at: Option<DateTime<Utc>>,
}

impl Queries {
    /// An account.
    pub async fn user(&self, id: Uuid) -> anyhow::Result<Option<UserView>> {
        let row = sqlx::query!(
            "select user_id, email, name, role, is_active, is_verified,
                is_two_factor_enabled, registered_at, last_login_at
            from user_view where user_id = $1",
            id,
        )
        .fetch_optional(self.pool())
        .await?;
        let Some(row) = row else { return Ok(None) };
        Ok(Some(UserView {
            id: row.user_id,
            email: row.email,
            name: row.name,
            role: role(&row.role)?,
            is_active: row.is_active,
            is_verified: row.is_verified,
            is_two_factor_enabled: row.is_two_factor_enabled,
            registered_at: row.registered_at,
            last_login_at: row.last_login_at,
        }))
    }
}

fn role(name: &str) -> Result<Role, serde::de::value::Error> {
    Role::deserialize(name.into_deserializer())
}

/// Which events change an account's row.
pub(crate) fn wants(name: &str) -> bool {
    name.starts_with("user.")
        || ["session.started", "factors.added", "factors.cleared"].contains(&name)
}

pub(crate) async fn apply(db: &mut PgConnection, batch: &[&Recorded]) -> sqlx::Result<()> {
    let mut changes = BTreeMap::<Uuid, Change>::new();
    let mut erased = Vec::new();
    for recorded in batch {
        match &recorded.event {
            Event::User(user::Event::Erased { .. }) => {
                changes.remove(&recorded.stream);
                erased.push(recorded.stream);
            }
            Event::User(event) => changes.entry(recorded.stream).or_default().take_in(event),
            Event::Session(session::Event::Started { user, at, .. }) => {
                changes.entry(*user).or_default().last_login_at = Some(*at);
            }
            Event::Factors(event) => {
                if let Some((user, is_enabled)) = two_factor(event) {
                    changes.entry(user).or_default().is_two_factor_enabled = Some(is_enabled);
                }
            }
            Event::Session(session::Event::Refreshed { .. } | session::Event::Ended { .. })
            | Event::ApiKey(_)
            | Event::Settings(_)
            | Event::Chat(_)
            | Event::Login(_)
            | Event::Audit(_)
            | Event::Notification(_)
            | Event::Inbox(_) => {}
        }
    }
    let (new, known): (Vec<_>, Vec<_>) =
        changes.iter().partition(|(_, change)| change.registered.is_some());
    erase(db, &erased).await?;
    insert(db, &new).await?;
    update(db, &known).await
}

/// Whom an event tells of whether the password alone is enough.
pub(crate) fn two_factor(event: &factors::Event) -> Option<(Uuid, bool)> {
    match event {
        factors::Event::Added { user, .. } => Some((*user, true)),
        factors::Event::Cleared { user, .. } => Some((*user, false)),
        factors::Event::Prepared { .. }
        | factors::Event::CodeSent { .. }
        | factors::Event::CodeAccepted { .. }
        | factors::Event::CodeRefused { .. }
        | factors::Event::BackupCodesMade { .. }
        | factors::Event::BackupCodeUsed { .. }
        | factors::Event::ChallengeOpened { .. }
        | factors::Event::ChallengeAnswered { .. }
        | factors::Event::DeviceRemembered { .. }
        | factors::Event::DevicesForgotten { .. } => None,
    }
}

/// What a batch changes about an account; nothing where it says nothing.
#[derive(Default)]
struct Change<'a> {
    registered: Option<Registered<'a>>,
    role: Option<Role>,
    is_active: Option<bool>,
    is_verified: Option<bool>,
    is_two_factor_enabled: Option<bool>,
    last_login_at: Option<DateTime<Utc>>,
}

struct Registered<'a> {
    email: Option<&'a Email>,
    name: Option<&'a Text>,
    at: DateTime<Utc>,
}

impl<'a> Change<'a> {
    fn take_in(&mut self, event: &'a user::Event) {
        match event {
            user::Event::Registered { email, name, role, at } => {
                let name = name.as_ref().and_then(Personal::known);
                let registered = Some(Registered { email: email.known(), name, at: *at });
                // What came before changed no row, in whichever batch it came.
                *self = Self { registered, role: Some(*role), ..Self::default() };
            }
            user::Event::EmailVerified { .. } => self.is_verified = Some(true),
            user::Event::RoleChanged { role } => self.role = Some(*role),
            user::Event::Deactivated {} | user::Event::ErasureRequested { .. } => {
                self.is_active = Some(false);
            }
            user::Event::Activated {} => self.is_active = Some(true),
            user::Event::VerificationRequested { .. }
            | user::Event::Erased { .. }
            | user::Event::ErasureCertified { .. } => {}
        }
    }
}

/// Rows of earlier batches; those of this one are left out already.
async fn erase(db: &mut PgConnection, users: &[Uuid]) -> sqlx::Result<()> {
    if users.is_empty() {
        return Ok(());
    }
    sqlx::query!("delete from user_view where user_id = any($1)", users).execute(db).await?;
    Ok(())
}

async fn insert(db: &mut PgConnection, users: &[(&Uuid, &Change<'_>)]) -> sqlx::Result<()> {
    let mut rows = Rows::default();
    for (id, change) in users {
        let Some(registered) = &change.registered else { continue };
        rows.emails.push(registered.email.map(ToString::to_string).unwrap_or_default());
        rows.names.push(registered.name.map(ToString::to_string));
        rows.registered_at.push(registered.at);
        rows.push(**id, change);
    }
    if rows.ids.is_empty() {
        return Ok(());
    }
    sqlx::query!(
        "insert into user_view
            (user_id, email, name, role, is_active, is_verified, is_two_factor_enabled,
                registered_at, last_login_at)
        select user_id, email, name, role, coalesce(is_active, true), coalesce(is_verified, false),
            coalesce(is_two_factor_enabled, false), registered_at, last_login_at
        from unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::boolean[], $6::boolean[],
                $7::boolean[], $8::timestamptz[], $9::timestamptz[])
            u(user_id, email, name, role, is_active, is_verified, is_two_factor_enabled,
                registered_at, last_login_at)",
        &rows.ids,
        &rows.emails,
        &rows.names as &[Option<String>],
        &rows.roles as &[Option<&str>],
        &rows.is_active as &[Option<bool>],
        &rows.is_verified as &[Option<bool>],
        &rows.is_two_factor_enabled as &[Option<bool>],
        &rows.registered_at,
        &rows.last_login_at as &[Option<DateTime<Utc>>],
    )
    .execute(db)
    .await?;
    Ok(())
}

async fn update(db: &mut PgConnection, users: &[(&Uuid, &Change<'_>)]) -> sqlx::Result<()> {
    let mut rows = Rows::default();
    for (id, change) in users {
        rows.push(**id, change);
    }
    if rows.ids.is_empty() {
        return Ok(());
    }
    sqlx::query!(
        "update user_view u set role = coalesce(c.role, u.role),
            is_active = coalesce(c.is_active, u.is_active),
            is_verified = coalesce(c.is_verified, u.is_verified),
            is_two_factor_enabled = coalesce(c.is_two_factor_enabled, u.is_two_factor_enabled),
            last_login_at = coalesce(c.last_login_at, u.last_login_at)
        from unnest($1::uuid[], $2::text[], $3::boolean[], $4::boolean[], $5::boolean[],
                $6::timestamptz[])
            c(user_id, role, is_active, is_verified, is_two_factor_enabled, last_login_at)
        where u.user_id = c.user_id",
        &rows.ids,
        &rows.roles as &[Option<&str>],
        &rows.is_active as &[Option<bool>],
        &rows.is_verified as &[Option<bool>],
        &rows.is_two_factor_enabled as &[Option<bool>],
        &rows.last_login_at as &[Option<DateTime<Utc>>],
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Rows by column; those of new accounts only for inserts.
#[derive(Default)]
struct Rows {
    ids: Vec<Uuid>,
    roles: Vec<Option<&'static str>>,
    is_active: Vec<Option<bool>>,
    is_verified: Vec<Option<bool>>,
    is_two_factor_enabled: Vec<Option<bool>>,
    last_login_at: Vec<Option<DateTime<Utc>>>,
    emails: Vec<String>,
    names: Vec<Option<String>>,
    registered_at: Vec<DateTime<Utc>>,
}

impl Rows {
    fn push(&mut self, id: Uuid, change: &Change<'_>) {
        self.ids.push(id);
        self.roles.push(change.role.map(Role::name));
        self.is_active.push(change.is_active);
        self.is_verified.push(change.is_verified);
        self.is_two_factor_enabled.push(change.is_two_factor_enabled);
        self.last_login_at.push(change.last_login_at);
    }
}

#[cfg(test)]
mod tests {
    use domain::user::Role;

    #[test]
    fn a_role_reads_back_from_its_name() {
        for it in [Role::User, Role::Admin, Role::Superuser] {
            assert_eq!(super::role(it.name()), Ok(it));
        }
    }
}
