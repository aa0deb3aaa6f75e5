//! Accounts.

use chrono::{DateTime, Utc};
use domain::{
    Event, Personal, session,
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
    /// When it was opened.
    pub registered_at: DateTime<Utc>,
    /// When the person last signed in.
    pub last_login_at: Option<DateTime<Utc>>,
}

impl Queries {
    /// An account.
    pub async fn user(&self, id: Uuid) -> anyhow::Result<Option<UserView>> {
        let row = sqlx::query!(
            "select user_id, email, name, role, is_active, is_verified, registered_at, last_login_at
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
            registered_at: row.registered_at,
            last_login_at: row.last_login_at,
        }))
    }
}

fn role(name: &str) -> Result<Role, serde::de::value::Error> {
    Role::deserialize(name.into_deserializer())
}

pub(crate) async fn apply(db: &mut PgConnection, recorded: &Recorded) -> sqlx::Result<()> {
    match &recorded.event {
        Event::User(event) => apply_user(db, recorded.stream, event).await,
        Event::Session(session::Event::Started { user, at, .. }) => {
            sqlx::query!("update user_view set last_login_at = $2 where user_id = $1", user, at)
                .execute(db)
                .await?;
            Ok(())
        }
        Event::Session(session::Event::Refreshed { .. } | session::Event::Ended { .. })
        | Event::ApiKey(_)
        | Event::Settings(_)
        | Event::Chat(_)
        | Event::Login(_) => Ok(()),
    }
}

async fn apply_user(db: &mut PgConnection, id: Uuid, event: &user::Event) -> sqlx::Result<()> {
    match event {
        user::Event::Registered { email, name, role, at } => {
            sqlx::query!(
                "insert into user_view
                    (user_id, email, name, role, is_active, is_verified, registered_at)
                values ($1, $2, $3, $4, true, false, $5)",
                id,
                email.known().map(ToString::to_string).unwrap_or_default(),
                name.as_ref().and_then(Personal::known).map(ToString::to_string),
                role.name(),
                at,
            )
            .execute(db)
            .await?;
        }
        user::Event::EmailVerified { .. } => {
            sqlx::query!("update user_view set is_verified = true where user_id = $1", id)
                .execute(db)
                .await?;
        }
        user::Event::RoleChanged { role } => {
            sqlx::query!("update user_view set role = $2 where user_id = $1", id, role.name())
                .execute(db)
                .await?;
        }
        user::Event::Deactivated {} => {
            sqlx::query!("update user_view set is_active = false where user_id = $1", id)
                .execute(db)
                .await?;
        }
        user::Event::Activated {} => {
            sqlx::query!("update user_view set is_active = true where user_id = $1", id)
                .execute(db)
                .await?;
        }
        user::Event::Erased { .. } => {
            sqlx::query!("delete from user_view where user_id = $1", id).execute(db).await?;
        }
        user::Event::ErasureRequested { .. } => {
            sqlx::query!("update user_view set is_active = false where user_id = $1", id)
                .execute(db)
                .await?;
        }
        user::Event::VerificationRequested { .. } | user::Event::ErasureCertified { .. } => {}
    }
    Ok(())
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
