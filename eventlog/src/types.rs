//! The small numbers that stand for event types in the log: a name and the version of the form.

use std::{
    collections::HashMap,
    sync::{Arc, PoisonError, RwLock},
};

use anyhow::Context;
use domain::written_version;
use sqlx::PgPool;

/// What a number stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct EventType {
    /// The stored name.
    pub name: Arc<str>,
    /// The version of the stored form.
    pub schema_version: i16,
}

/// Event types and their numbers; grows only.
#[derive(Clone, Default)]
pub(crate) struct Types(Arc<RwLock<Known>>);

#[derive(Default)]
struct Known {
    /// Those in the form that is written today, and its version.
    written: HashMap<Arc<str>, (i32, i16)>,
    by_id: HashMap<i32, EventType>,
}

impl Types {
    /// The number of an event in the form that is written today, and that form's version; given out
    /// where the log has not seen it yet.
    pub(crate) async fn written(&self, pool: &PgPool, name: &str) -> anyhow::Result<(i32, i16)> {
        if let Some(known) = self.known().written.get(name) {
            return Ok(*known);
        }
        sqlx::query!(
            "insert into log.event_type (name, schema_version) values ($1, $2) on conflict do nothing",
            name,
            written_version(name),
        )
        .execute(pool)
        .await?;
        self.refresh(pool).await?;
        self.known().written.get(name).copied().context("an event type was just given a number")
    }

    /// What a number stands for.
    pub(crate) async fn get(&self, pool: &PgPool, id: i32) -> anyhow::Result<EventType> {
        if let Some(known) = self.known().by_id.get(&id) {
            return Ok(known.clone());
        }
        self.refresh(pool).await?;
        let known = self.known();
        known.by_id.get(&id).cloned().with_context(|| format!("the log has no event type {id}"))
    }

    /// All that were ever given a number.
    pub(crate) async fn all(&self, pool: &PgPool) -> anyhow::Result<Vec<(i32, EventType)>> {
        self.refresh(pool).await?;
        Ok(self.known().by_id.iter().map(|(id, known)| (*id, known.clone())).collect())
    }

    pub(crate) async fn refresh(&self, pool: &PgPool) -> anyhow::Result<()> {
        let rows = sqlx::query!("select type_id, name, schema_version from log.event_type")
            .fetch_all(pool)
            .await?;
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        for row in rows {
            let (id, schema_version) = (row.type_id, row.schema_version);
            let name: Arc<str> = row.name.into();
            if schema_version == written_version(&name) {
                known.written.insert(Arc::clone(&name), (id, schema_version));
            }
            known.by_id.insert(id, EventType { name, schema_version });
        }
        Ok(())
    }

    fn known(&self) -> std::sync::RwLockReadGuard<'_, Known> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }
}
