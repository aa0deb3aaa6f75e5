//! The keys that access tokens are signed with: several verify, one signs, and the oldest goes.
//!
//! What a key may do at present is said by the clock of the database, for all processes alike.

use std::time::Duration;

use anyhow::Context;
use chrono::{DateTime, Utc};
use sqlx::{PgConnection, PgPool};
use uuid::Uuid;

use crate::{MasterKey, ServiceKey, crypto::random};

/// The name of the first of them, and the beginning of the names of the others.
const FIRST: &str = "signatures";

/// A key that access tokens are signed with, or were, or will be.
#[derive(Clone)]
pub struct SigningKey {
    /// What it is made of.
    pub seed: ServiceKey,
    /// Whether it is the one that signs.
    pub is_signing: bool,
    /// Since when it is published.
    pub published_at: DateTime<Utc>,
    /// From when on it signs.
    pub signs_from: DateTime<Utc>,
    /// Until when it verifies; for good while no key comes after it.
    pub verifies_until: Option<DateTime<Utc>>,
}

/// What becomes of the keys before, when a new one comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Succession {
    /// The new key is published for a time before it signs, and those before it verify for a time after.
    Orderly {
        /// How long the new key is published before it signs.
        wait: Duration,
        /// How long the keys before verify what they have signed.
        overlap: Duration,
    },
    /// The new key signs at once, and those before it are destroyed.
    Immediate,
}

impl SigningKey {
    /// All keys that verify at present, the newest first; makes the first one.
    pub async fn load(pool: &PgPool, master: &MasterKey) -> anyhow::Result<Vec<Self>> {
        let mut keys = read(pool, master).await?;
        if keys.is_empty() {
            ServiceKey::load(pool, master, FIRST).await?;
            sqlx::query!(
                "insert into vault.signing_key (name, published_at, signs_from)
                select $1, clock_timestamp(), clock_timestamp()
                where not exists (select from vault.signing_key) on conflict do nothing",
                FIRST,
            )
            .execute(pool)
            .await?;
            keys = read(pool, master).await?;
        }
        Ok(keys)
    }

    /// Makes a new key and forgets those that verify nothing any more.
    pub async fn rotate(
        pool: &PgPool,
        master: &MasterKey,
        succession: Succession,
    ) -> anyhow::Result<()> {
        let mut transaction = pool.begin().await?;
        // Rotations come one after another; whoever reads need not wait.
        sqlx::query!("lock table vault.signing_key in share row exclusive mode")
            .execute(&mut *transaction)
            .await?;
        let wait = match succession {
            Succession::Orderly { wait, overlap } => {
                retire(&mut transaction, wait + overlap).await?;
                wait
            }
            Succession::Immediate => {
                sqlx::query!(
                    "delete from vault.service_key where name in (select name from vault.signing_key)"
                )
                .execute(&mut *transaction)
                .await?;
                Duration::ZERO
            }
        };
        add(&mut transaction, master, wait).await?;
        transaction.commit().await.context("writing the new key down")
    }
}

/// Those that have ended are gone, those that have not will be after a time.
async fn retire(db: &mut PgConnection, after: Duration) -> sqlx::Result<()> {
    sqlx::query!(
        "delete from vault.service_key where name in
            (select name from vault.signing_key where verifies_until <= clock_timestamp())"
    )
    .execute(&mut *db)
    .await?;
    sqlx::query!(
        "update vault.signing_key set verifies_until = clock_timestamp() + make_interval(secs => $1)
        where verifies_until is null",
        after.as_secs_f64(),
    )
    .execute(db)
    .await?;
    Ok(())
}

async fn add(db: &mut PgConnection, master: &MasterKey, wait: Duration) -> anyhow::Result<()> {
    let name = format!("{FIRST} {}", Uuid::new_v4());
    let wrapped = master.wrap(&random()?, name.as_bytes())?;
    sqlx::query!(
        "insert into vault.service_key (name, wrapped_key) values ($1, $2)",
        name,
        wrapped,
    )
    .execute(&mut *db)
    .await?;
    sqlx::query!(
        "insert into vault.signing_key (name, published_at, signs_from)
        values ($1, clock_timestamp(), clock_timestamp() + make_interval(secs => $2))",
        name,
        wait.as_secs_f64(),
    )
    .execute(db)
    .await?;
    Ok(())
}

/// The newest that has begun signs; a key that has just been made, and has not, only where it is alone.
async fn read(pool: &PgPool, master: &MasterKey) -> anyhow::Result<Vec<SigningKey>> {
    let rows = sqlx::query!(
        r#"select k.name, s.wrapped_key, k.published_at, k.signs_from, k.verifies_until,
            k.signs_from <= clock_timestamp() as "has_begun!"
        from vault.signing_key k join vault.service_key s on s.name = k.name
        where coalesce(k.verifies_until, 'infinity') > clock_timestamp()
        order by k.signs_from desc, k.published_at desc, k.name"#
    )
    .fetch_all(pool)
    .await?;
    let signing = rows.iter().position(|row| row.has_begun).or(rows.len().checked_sub(1));
    let mut keys = Vec::with_capacity(rows.len());
    for (number, row) in rows.into_iter().enumerate() {
        let seed = master.unwrap_with(pool, &row.wrapped_key, row.name.as_bytes()).await?;
        keys.push(SigningKey {
            seed: ServiceKey::from_bytes(seed),
            is_signing: signing == Some(number),
            published_at: row.published_at,
            signs_from: row.signs_from,
            verifies_until: row.verifies_until,
        });
    }
    Ok(keys)
}
