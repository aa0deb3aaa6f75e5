//! Keys for programs.

use chrono::{DateTime, Utc};
use domain::{Event, api_key, user};
use eventlog::Recorded;
use serde::Serialize;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::{Queries, stored};

/// A key with which a program acts for its owner.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ApiKeyView {
    /// Its id.
    pub id: Uuid,
    /// What its owner calls it; empty once the owner was erased.
    pub name: String,
    /// The part that may be shown.
    pub prefix: String,
    /// What it may be used for; empty means all that its owner may do, credentials excepted.
    pub scopes: Vec<String>,
    /// Whether it was neither revoked nor expired when it was read.
    pub is_active: bool,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it stops being good.
    pub expires_at: DateTime<Utc>,
}

impl Queries {
    /// All keys of a person, revoked ones too, the newest first.
    pub async fn api_keys(&self, owner: Uuid) -> anyhow::Result<Vec<ApiKeyView>> {
        let keys = sqlx::query_as!(
            ApiKeyView,
            r#"select key_id as id, name, prefix, scopes,
                is_active and expires_at > clock_timestamp() as "is_active!", created_at, expires_at
            from api_key_view where owner_id = $1 order by created_at desc, key_id"#,
            owner,
        )
        .fetch_all(self.pool())
        .await?;
        Ok(keys)
    }

    /// A key, unless it is somebody else's.
    pub async fn api_key(&self, owner: Uuid, id: Uuid) -> anyhow::Result<Option<ApiKeyView>> {
        let key = sqlx::query_as!(
            ApiKeyView,
            r#"select key_id as id, name, prefix, scopes,
                is_active and expires_at > clock_timestamp() as "is_active!", created_at, expires_at
            from api_key_view where key_id = $1 and owner_id = $2"#,
            id,
            owner,
        )
        .fetch_optional(self.pool())
        .await?;
        Ok(key)
    }
}

pub(crate) async fn apply(db: &mut PgConnection, recorded: &Recorded) -> sqlx::Result<()> {
    match &recorded.event {
        Event::ApiKey(event) => apply_key(db, recorded.stream, event).await,
        Event::User(user::Event::Erased { .. }) => {
            sqlx::query!("delete from api_key_view where owner_id = $1", recorded.stream)
                .execute(db)
                .await?;
            Ok(())
        }
        Event::User(_)
        | Event::Session(_)
        | Event::Settings(_)
        | Event::Chat(_)
        | Event::Login(_) => Ok(()),
    }
}

async fn apply_key(db: &mut PgConnection, id: Uuid, event: &api_key::Event) -> sqlx::Result<()> {
    match event {
        api_key::Event::Created { owner, name, prefix, scopes, at, expires_at } => {
            let scopes: Vec<String> = scopes.iter().map(|scope| stored::text(scope)).collect();
            sqlx::query!(
                "insert into api_key_view
                    (key_id, owner_id, name, prefix, scopes, is_active, created_at, expires_at)
                values ($1, $2, $3, $4, $5, true, $6, $7)",
                id,
                owner,
                name.known().map(ToString::to_string).unwrap_or_default(),
                stored::text(prefix),
                &scopes,
                at,
                expires_at,
            )
            .execute(db)
            .await?;
        }
        api_key::Event::Revoked { .. } => {
            sqlx::query!("update api_key_view set is_active = false where key_id = $1", id)
                .execute(db)
                .await?;
        }
    }
    Ok(())
}
