//! Keys for programs.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use domain::{Event, api_key, user};
use eventlog::Recorded;
use serde::Serialize;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::{Queries, erasures::ERASED, stored};

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

/// Which events change a key's row.
pub(crate) fn wants(name: &str) -> bool {
    name.starts_with("api_key.") || name == ERASED
}

pub(crate) async fn apply(db: &mut PgConnection, batch: &[&Recorded]) -> anyhow::Result<()> {
    let mut created = BTreeMap::<Uuid, NewKey>::new();
    let (mut revoked, mut erased) = (BTreeSet::new(), vec![]);
    for recorded in batch {
        match &recorded.event {
            Event::ApiKey(api_key::Event::Created {
                owner,
                name,
                prefix,
                scopes,
                at,
                expires_at,
            }) => {
                let scopes: Vec<String> = scopes.iter().map(|scope| stored::text(scope)).collect();
                let key = NewKey {
                    owner: *owner,
                    name: name.known().map(ToString::to_string).unwrap_or_default(),
                    prefix: stored::text(prefix),
                    scopes: serde_json::to_string(&scopes)?,
                    created_at: *at,
                    expires_at: *expires_at,
                };
                created.insert(recorded.stream, key);
            }
            Event::ApiKey(api_key::Event::Revoked { .. }) => drop(revoked.insert(recorded.stream)),
            Event::User(user::Event::Erased { .. }) => {
                created.retain(|_, key| key.owner != recorded.stream);
                erased.push(recorded.stream);
            }
            Event::User(_)
            | Event::Session(_)
            | Event::Settings(_)
            | Event::Chat(_)
            | Event::Login(_)
            | Event::Audit(_)
            | Event::Notification(_)
            | Event::Inbox(_)
            | Event::Factors(_) => {}
        }
    }
    erase(db, &erased).await?;
    insert(db, created).await?;
    Ok(revoke(db, revoked).await?)
}

struct NewKey {
    owner: Uuid,
    name: String,
    prefix: String,
    /// A JSON list: arrays of Postgres cannot hold lists of different lengths.
    scopes: String,
    created_at: DateTime<Utc>,
    expires_at: DateTime<Utc>,
}

/// Rows of earlier batches; those of this one are left out already.
async fn erase(db: &mut PgConnection, owners: &[Uuid]) -> sqlx::Result<()> {
    if owners.is_empty() {
        return Ok(());
    }
    sqlx::query!("delete from api_key_view where owner_id = any($1)", owners).execute(db).await?;
    Ok(())
}

async fn insert(db: &mut PgConnection, keys: BTreeMap<Uuid, NewKey>) -> sqlx::Result<()> {
    if keys.is_empty() {
        return Ok(());
    }
    let ids: Vec<_> = keys.keys().copied().collect();
    let (mut owners, mut names, mut prefixes) = (vec![], vec![], vec![]);
    let (mut scopes, mut created, mut expires) = (vec![], vec![], vec![]);
    for key in keys.into_values() {
        owners.push(key.owner);
        names.push(key.name);
        prefixes.push(key.prefix);
        scopes.push(key.scopes);
        created.push(key.created_at);
        expires.push(key.expires_at);
    }
    sqlx::query!(
        "insert into api_key_view
            (key_id, owner_id, name, prefix, scopes, is_active, created_at, expires_at)
        select key_id, owner_id, name, prefix, array(select json_array_elements_text(scopes)),
            true, created_at, expires_at
        from unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::text[]::json[],
                $6::timestamptz[], $7::timestamptz[])
            k(key_id, owner_id, name, prefix, scopes, created_at, expires_at)",
        &ids,
        &owners,
        &names,
        &prefixes,
        &scopes,
        &created,
        &expires,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Nothing brings a revoked key back, so that it may be done after all insertions.
async fn revoke(db: &mut PgConnection, keys: BTreeSet<Uuid>) -> sqlx::Result<()> {
    if keys.is_empty() {
        return Ok(());
    }
    let keys: Vec<_> = keys.into_iter().collect();
    sqlx::query!("update api_key_view set is_active = false where key_id = any($1)", &keys)
        .execute(db)
        .await?;
    Ok(())
}
