//! What events do to the rows of keys.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use domain::{Event, api_key, user};
use eventlog::Recorded;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::{erasures::ERASED, stored};

/// Which events change a key's row.
pub(crate) fn wants(name: &str) -> bool {
    name.starts_with("api_key.") || name == ERASED
}

/// Keys that were made, revoked or erased are taken in together; the few other changes one by one, in
/// between, since nothing comes before a key is made or after it is revoked.
pub(crate) async fn apply(db: &mut PgConnection, batch: &[&Recorded]) -> anyhow::Result<()> {
    let mut created = BTreeMap::<Uuid, NewKey>::new();
    let (mut changes, mut revoked, mut erased) = (vec![], BTreeSet::new(), vec![]);
    for recorded in batch {
        match &recorded.event {
            Event::ApiKey(api_key::Event::Revoked { .. }) => drop(revoked.insert(recorded.stream)),
            Event::ApiKey(event) => match NewKey::of(event)? {
                Some(key) => drop(created.insert(recorded.stream, key)),
                None => changes.push((recorded.stream, event)),
            },
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
    for (key, event) in changes {
        change(db, key, event).await?;
    }
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

impl NewKey {
    fn of(event: &api_key::Event) -> anyhow::Result<Option<Self>> {
        let api_key::Event::Created { owner, name, prefix, scopes, at, expires_at } = event else {
            return Ok(None);
        };
        Ok(Some(Self {
            owner: *owner,
            name: name.known().map(ToString::to_string).unwrap_or_default(),
            prefix: stored::text(prefix),
            scopes: serde_json::to_string(&texts(scopes))?,
            created_at: *at,
            expires_at: *expires_at,
        }))
    }
}

fn texts(scopes: &[String]) -> Vec<String> {
    scopes.iter().map(|scope| stored::text(scope)).collect()
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

async fn change(db: &mut PgConnection, id: Uuid, event: &api_key::Event) -> sqlx::Result<()> {
    match event {
        api_key::Event::Changed { name, scopes, expires_at } => {
            let name = name.as_ref();
            let name = name.map(|it| it.known().map(ToString::to_string).unwrap_or_default());
            let scopes = scopes.as_deref().map(texts);
            sqlx::query!(
                "update api_key_view set name = coalesce($2, name), scopes = coalesce($3, scopes),
                    expires_at = coalesce($4, expires_at) where key_id = $1",
                id,
                name,
                scopes.as_deref(),
                *expires_at,
            )
        }
        api_key::Event::Deactivated { .. } => sqlx::query!(
            "update api_key_view set is_active = false, previous_until = null where key_id = $1",
            id,
        ),
        api_key::Event::Activated { .. } => {
            sqlx::query!("update api_key_view set is_active = not is_revoked where key_id = $1", id)
        }
        api_key::Event::Rotated { prefix, until, .. } => sqlx::query!(
            "update api_key_view set prefix = $2,
                previous_until = case when is_revoked then null else $3::timestamptz end
            where key_id = $1",
            id,
            stored::text(prefix),
            *until,
        ),
        api_key::Event::RateLimitChanged { limit } => sqlx::query!(
            "update api_key_view set limit_requests = $2, limit_seconds = $3 where key_id = $1",
            id,
            limit.map(|limit| i64::from(limit.requests.get())),
            limit.map(|limit| i64::from(limit.seconds.get())),
        ),
        // These are taken in together.
        api_key::Event::Created { .. } | api_key::Event::Revoked { .. } => return Ok(()),
    }
    .execute(db)
    .await?;
    Ok(())
}

/// Nothing brings a revoked key back, whatever comes first: it may be done after everything else.
async fn revoke(db: &mut PgConnection, keys: BTreeSet<Uuid>) -> sqlx::Result<()> {
    if keys.is_empty() {
        return Ok(());
    }
    let keys: Vec<_> = keys.into_iter().collect();
    sqlx::query!(
        "update api_key_view set is_active = false, is_revoked = true, previous_until = null
        where key_id = any($1)",
        &keys,
    )
    .execute(db)
    .await?;
    Ok(())
}
