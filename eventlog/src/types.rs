//! The small numbers that stand for event names in the log.

use std::{
    collections::HashMap,
    sync::{Arc, PoisonError, RwLock},
};

use anyhow::Context;
use sqlx::PgPool;

/// The schema version that the program writes.
pub(crate) const SCHEMA_VERSION: i16 = 1;

/// Event names and their numbers; grows only.
#[derive(Clone, Default)]
pub(crate) struct Types(Arc<RwLock<Known>>);

#[derive(Default)]
struct Known {
    by_name: HashMap<Arc<str>, i32>,
    by_id: HashMap<i32, Arc<str>>,
}

impl Types {
    /// The number of an event name; given out where the log has not seen the name yet.
    pub(crate) async fn id(&self, pool: &PgPool, name: &str) -> anyhow::Result<i32> {
        if let Some(id) = self.known().by_name.get(name) {
            return Ok(*id);
        }
        sqlx::query!(
            "insert into log.event_type (name, schema_version) values ($1, $2) on conflict do nothing",
            name,
            SCHEMA_VERSION,
        )
        .execute(pool)
        .await?;
        self.refresh(pool).await?;
        self.known().by_name.get(name).copied().context("an event name was just given a number")
    }

    /// The name behind a number.
    pub(crate) async fn name(&self, pool: &PgPool, id: i32) -> anyhow::Result<Arc<str>> {
        if let Some(name) = self.known().by_id.get(&id) {
            return Ok(Arc::clone(name));
        }
        self.refresh(pool).await?;
        let known = self.known();
        known.by_id.get(&id).cloned().with_context(|| format!("the log has no event type {id}"))
    }

    pub(crate) async fn refresh(&self, pool: &PgPool) -> anyhow::Result<()> {
        let rows = sqlx::query!(
            "select type_id, name from log.event_type where schema_version = $1",
            SCHEMA_VERSION,
        )
        .fetch_all(pool)
        .await?;
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        for row in rows {
            let name: Arc<str> = row.name.into();
            known.by_name.insert(Arc::clone(&name), row.type_id);
            known.by_id.insert(row.type_id, name);
        }
        Ok(())
    }

    fn known(&self) -> std::sync::RwLockReadGuard<'_, Known> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }
}
