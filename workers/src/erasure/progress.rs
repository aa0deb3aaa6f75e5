//! How far an erasure has come, so that a crash costs the certificate none of its numbers.

use std::collections::BTreeMap;

use eventlog::TreeHead;
use serde::{Deserialize, Serialize};
use sqlx::{PgExecutor, PgPool, types::Json};
use uuid::Uuid;

/// How far an erasure has come.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Progress {
    #[serde(skip)]
    user: Uuid,
    /// The tree of the log before anything was destroyed.
    pub tree_before: Option<TreeHead>,
    /// The person's streams, which read models forget.
    pub streams: Vec<Uuid>,
    /// How much was destroyed, by place.
    pub purged: BTreeMap<String, i64>,
}

impl Progress {
    pub(super) async fn load(pool: &PgPool, user: Uuid) -> anyhow::Result<Self> {
        let stored = sqlx::query_scalar!(
            r#"select progress as "progress: Json<Self>" from work.erasure where user_id = $1"#,
            user,
        )
        .fetch_optional(pool)
        .await?;
        let progress = stored.map(|stored| stored.0).unwrap_or_default();
        Ok(Self { user, ..progress })
    }

    /// Adds to what was destroyed in a place.
    pub(super) fn count(&mut self, place: &str, many: i64) {
        *self.purged.entry(place.to_owned()).or_default() += many;
    }

    pub(super) async fn save(&self, db: impl PgExecutor<'_>) -> sqlx::Result<()> {
        sqlx::query!(
            "insert into work.erasure (user_id, progress, updated_at)
            values ($1, $2, clock_timestamp())
            on conflict (user_id)
                do update set progress = excluded.progress, updated_at = excluded.updated_at",
            self.user,
            Json(self) as Json<&Self>,
        )
        .execute(db)
        .await?;
        Ok(())
    }

    /// Forgets it: the certificate has it all.
    pub(super) async fn finish(&self, pool: &PgPool) -> sqlx::Result<()> {
        sqlx::query!("delete from work.erasure where user_id = $1", self.user)
            .execute(pool)
            .await?;
        Ok(())
    }
}
