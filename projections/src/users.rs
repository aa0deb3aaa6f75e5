//! Accounts.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use domain::{
    Email, Event, Personal, Text, factors, session,
    user::{self, Profile, Role},
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
    /// What they like to be called.
    pub preferred_name: Option<String>,
    /// Their whole name.
    pub full_name: Option<String>,
    /// What they are called among others.
    pub username: Option<String>,
    /// A picture of them.
    pub avatar_url: Option<String>,
    /// Their account at GitHub.
    pub github_username: Option<String>,
}

impl Queries {
    /// An account.
    pub async fn user(&self, id: Uuid) -> anyhow::Result<Option<UserView>> {
        let row = sqlx::query!(
            "select user_id, email, name, role, is_active, is_verified, is_two_factor_enabled,
                registered_at, last_login_at, preferred_name, full_name, username, avatar_url,
                github_username
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
            preferred_name: row.preferred_name,
            full_name: row.full_name,
            username: row.username,
            avatar_url: row.avatar_url,
            github_username: row.github_username,
        }))
    }
}

fn role(name: &str) -> Result<Role, serde::de::value::Error> {
    Role::deserialize(name.into_deserializer())
}

/// Which events change an account's row.
pub(crate) fn wants(name: &str) -> bool {
    name.starts_with("user.")
        || ["session.started", "factors.added", "factors.cleared", "factors.undone"].contains(&name)
        || name == "factors.passkey_added"
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
        factors::Event::Added { user, .. } | factors::Event::PasskeyAdded { user, .. } => {
            Some((*user, true))
        }
        factors::Event::Cleared { user, .. } => Some((*user, false)),
        factors::Event::Undone { user, active, passkeys, .. } => {
            Some((*user, !active.is_empty() || !passkeys.is_empty()))
        }
        factors::Event::Prepared { .. }
        | factors::Event::CodeSent { .. }
        | factors::Event::CodeAccepted { .. }
        | factors::Event::CodeRefused { .. }
        | factors::Event::BackupCodesMade { .. }
        | factors::Event::BackupCodeUsed { .. }
        | factors::Event::ChallengeOpened { .. }
        | factors::Event::ChallengeAnswered { .. }
        | factors::Event::PasskeyUsed { .. }
        | factors::Event::PasskeyRefused { .. }
        | factors::Event::PasskeyRemoved { .. }
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
    email: Option<String>,
    told: Option<Told<'a>>,
}

/// What the person tells of themselves.
struct Told<'a> {
    name: Option<&'a Personal<Text>>,
    profile: &'a Profile,
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
            user::Event::EmailChanged { to, .. } => {
                self.email = Some(shown(to));
                self.is_verified = Some(true);
            }
            user::Event::Undone { email, is_verified, .. } => {
                self.email = Some(shown(email));
                self.is_verified = Some(*is_verified);
            }
            user::Event::ProfileChanged { name, profile } => {
                self.told = Some(Told { name: name.as_ref(), profile });
            }
            user::Event::RegistrationTried { .. }
            | user::Event::VerificationRequested { .. }
            | user::Event::PasswordChanged { .. }
            | user::Event::PasswordResetRequested { .. }
            | user::Event::PasswordReset { .. }
            | user::Event::CredentialsDropped { .. }
            | user::Event::MagicLinkRequested { .. }
            | user::Event::MagicLinkUsed { .. }
            | user::Event::EmailChangeRequested { .. }
            | user::Event::EmailReleased { .. }
            | user::Event::CaseResolved { .. }
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
        let email = registered.email.map(ToString::to_string).unwrap_or_default();
        rows.push(**id, change);
        rows.registered_emails.push(email);
        rows.registered_names.push(registered.name.map(ToString::to_string));
        rows.registered_at.push(registered.at);
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
        &rows.registered_emails,
        &rows.registered_names as &[Option<String>],
        &rows.roles as &[Option<&str>],
        &rows.is_active as &[Option<bool>],
        &rows.is_verified as &[Option<bool>],
        &rows.is_two_factor_enabled as &[Option<bool>],
        &rows.registered_at,
        &rows.last_login_at as &[Option<DateTime<Utc>>],
    )
    .execute(&mut *db)
    .await?;
    let told = users.iter().filter(|(_, change)| change.email.is_some() || change.told.is_some());
    update(db, &told.copied().collect::<Vec<_>>()).await
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
            last_login_at = coalesce(c.last_login_at, u.last_login_at),
            email = coalesce(c.email, u.email),
            name = case when c.is_told then c.name else u.name end,
            preferred_name = case when c.is_told then c.preferred_name else u.preferred_name end,
            full_name = case when c.is_told then c.full_name else u.full_name end,
            username = case when c.is_told then c.username else u.username end,
            avatar_url = case when c.is_told then c.avatar_url else u.avatar_url end,
            github_username = case when c.is_told then c.github_username else u.github_username end
        from unnest($1::uuid[], $2::text[], $3::boolean[], $4::boolean[], $5::boolean[],
                $6::timestamptz[], $7::text[], $8::boolean[], $9::text[], $10::text[], $11::text[],
                $12::text[], $13::text[], $14::text[])
            c(user_id, role, is_active, is_verified, is_two_factor_enabled, last_login_at, email,
                is_told, name, preferred_name, full_name, username, avatar_url, github_username)
        where u.user_id = c.user_id",
        &rows.ids,
        &rows.roles as &[Option<&str>],
        &rows.is_active as &[Option<bool>],
        &rows.is_verified as &[Option<bool>],
        &rows.is_two_factor_enabled as &[Option<bool>],
        &rows.last_login_at as &[Option<DateTime<Utc>>],
        &rows.emails as &[Option<&str>],
        &rows.is_told,
        &rows.names as &[Option<String>],
        &rows.preferred_names as &[Option<String>],
        &rows.full_names as &[Option<String>],
        &rows.usernames as &[Option<String>],
        &rows.avatar_urls as &[Option<String>],
        &rows.github_usernames as &[Option<String>],
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Rows by column; those of new accounts only for inserts.
#[derive(Default)]
struct Rows<'a> {
    ids: Vec<Uuid>,
    roles: Vec<Option<&'static str>>,
    is_active: Vec<Option<bool>>,
    is_verified: Vec<Option<bool>>,
    is_two_factor_enabled: Vec<Option<bool>>,
    last_login_at: Vec<Option<DateTime<Utc>>>,
    emails: Vec<Option<&'a str>>,
    is_told: Vec<bool>,
    names: Vec<Option<String>>,
    preferred_names: Vec<Option<String>>,
    full_names: Vec<Option<String>>,
    usernames: Vec<Option<String>>,
    avatar_urls: Vec<Option<String>>,
    github_usernames: Vec<Option<String>>,
    registered_emails: Vec<String>,
    registered_names: Vec<Option<String>>,
    registered_at: Vec<DateTime<Utc>>,
}

impl<'a> Rows<'a> {
    fn push(&mut self, id: Uuid, change: &'a Change<'_>) {
        self.ids.push(id);
        self.roles.push(change.role.map(Role::name));
        self.is_active.push(change.is_active);
        self.is_verified.push(change.is_verified);
        self.is_two_factor_enabled.push(change.is_two_factor_enabled);
        self.last_login_at.push(change.last_login_at);
        self.emails.push(change.email.as_deref());
        let told = change.told.as_ref();
        let profile = told.map(|told| told.profile);
        self.is_told.push(told.is_some());
        self.names.push(told.and_then(|told| text(told.name)));
        self.preferred_names.push(profile.and_then(|it| text(it.preferred_name.as_ref())));
        self.full_names.push(profile.and_then(|it| text(it.full_name.as_ref())));
        self.usernames.push(profile.and_then(|it| text(it.username.as_ref())));
        self.avatar_urls.push(profile.and_then(|it| text(it.avatar_url.as_ref())));
        self.github_usernames.push(profile.and_then(|it| text(it.github_username.as_ref())));
    }
}

fn text<T: ToString>(told: Option<&Personal<T>>) -> Option<String> {
    told.and_then(Personal::known).map(ToString::to_string)
}

fn shown(email: &Personal<Email>) -> String {
    email.known().map(ToString::to_string).unwrap_or_default()
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
