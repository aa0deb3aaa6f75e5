//! A change of master keys: every wrapped key is wrapped anew, and no event is touched.
//!
//! It may be interrupted and begun again at any time, and goes on while the program runs: a process
//! that only knows the old key finds the new one, wrapped by the old, in `vault.master_bridge`.

use anyhow::{Context, ensure};
use serde::Serialize;
use sqlx::PgPool;
use uuid::Uuid;

use crate::{EventLog, MasterKey, crypto};

/// Keys that are wrapped anew at a time.
const BATCH: i64 = 500;
/// Whose connections in `pg_stat_activity` are ours.
pub const APPLICATION: &str = "annals";

/// What a change of master keys did.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Rotation {
    /// The name of the key that wraps now.
    pub master_key: String,
    /// Keys of people that were wrapped anew.
    pub subject_keys: u64,
    /// Keys of the service that were wrapped anew.
    pub service_keys: u64,
    /// Keys that were opened with the new master key alone, at the end.
    pub checked: u64,
    /// Connections of programs that were not started with the new key.
    pub behind: i64,
    /// Whether the old key is of no more use.
    pub is_finished: bool,
}

impl EventLog {
    /// Wraps every stored key with the master key that this log was opened with. `tell` hears how
    /// many are done.
    pub async fn rotate_master(&self, mut tell: impl FnMut(u64)) -> anyhow::Result<Rotation> {
        let (master, pool) = (self.keys.master(), self.pool());
        master.learn(pool).await?;
        master.build_bridges(pool).await?;
        self.announce_rotation().await;
        let mut rotation = Rotation { master_key: master.name(), ..Rotation::default() };
        rotation.service_keys = master.rewrap_service_keys(pool).await?;
        // Until the last process has noticed, another key may be wrapped with the old one.
        loop {
            let done = master.rewrap_subject_keys(pool, rotation.subject_keys, &mut tell).await?;
            rotation.subject_keys += done;
            if done == 0 {
                break;
            }
        }
        rotation.checked = master.alone().check(pool).await?;
        rotation.behind = master.behind(pool).await?;
        rotation.is_finished = rotation.behind == 0;
        if rotation.is_finished {
            sqlx::query!("delete from vault.master_bridge").execute(pool).await?;
        }
        Ok(rotation)
    }
}

impl MasterKey {
    /// The name that connections have in `pg_stat_activity`: it tells with which key they began.
    #[must_use]
    pub fn application_name(&self) -> String {
        format!("{APPLICATION} {}", self.name())
    }

    async fn build_bridges(&self, pool: &PgPool) -> anyhow::Result<()> {
        for bridge in self.bridges()? {
            sqlx::query!("insert into vault.master_bridge (wrapped_key) values ($1)", bridge)
                .execute(pool)
                .await?;
        }
        Ok(())
    }

    async fn rewrap_service_keys(&self, pool: &PgPool) -> anyhow::Result<u64> {
        let rows = sqlx::query!(
            "select name, wrapped_key from vault.service_key
            where substring(wrapped_key from 1 for 9) <> $1",
            self.header(),
        )
        .fetch_all(pool)
        .await?;
        let mut done = 0;
        for row in rows {
            let anew = self.rewrap(&row.wrapped_key, row.name.as_bytes())?;
            done += sqlx::query!(
                "update vault.service_key set wrapped_key = $3 where name = $1 and wrapped_key = $2",
                row.name,
                row.wrapped_key,
                anew,
            )
            .execute(pool)
            .await?
            .rows_affected();
        }
        Ok(done)
    }

    /// Goes once through all keys of people. What was destroyed or replaced meanwhile is left alone.
    async fn rewrap_subject_keys(
        &self,
        pool: &PgPool,
        before: u64,
        tell: &mut impl FnMut(u64),
    ) -> anyhow::Result<u64> {
        let mut after = Uuid::nil();
        let mut done = 0;
        loop {
            let rows = sqlx::query!(
                r#"select subject_id, wrapped_key as "wrapped_key!" from vault.subject_key
                where subject_id > $1 and substring(wrapped_key from 1 for 9) <> $2
                order by subject_id limit $3"#,
                after,
                self.header(),
                BATCH,
            )
            .fetch_all(pool)
            .await?;
            let Some(last) = rows.last() else { return Ok(done) };
            after = last.subject_id;
            let ids: Vec<Uuid> = rows.iter().map(|row| row.subject_id).collect();
            let anew: Vec<Vec<u8>> = rows
                .iter()
                .map(|row| self.rewrap(&row.wrapped_key, row.subject_id.as_bytes()))
                .collect::<anyhow::Result<_>>()?;
            let old: Vec<Vec<u8>> = rows.into_iter().map(|row| row.wrapped_key).collect();
            done += sqlx::query!(
                "update vault.subject_key k set wrapped_key = u.anew
                from unnest($1::uuid[], $2::bytea[], $3::bytea[]) u(id, old, anew)
                where k.subject_id = u.id and k.wrapped_key = u.old",
                &ids,
                &old,
                &anew,
            )
            .execute(pool)
            .await?
            .rows_affected();
            tell(before + done);
        }
    }

    fn rewrap(&self, wrapped: &[u8], name: &[u8]) -> anyhow::Result<Vec<u8>> {
        let key = self
            .unwrap(wrapped, name)?
            .context("a stored key was wrapped by a master key that is not given here")?;
        self.wrap(&key, name)
    }

    /// Opens every stored key.
    async fn check(&self, pool: &PgPool) -> anyhow::Result<u64> {
        let mut checked = 0;
        let rows = sqlx::query!("select name, wrapped_key from vault.service_key").fetch_all(pool);
        for row in rows.await? {
            let opened = self.unwrap(&row.wrapped_key, row.name.as_bytes())?;
            ensure!(opened.is_some(), "the service key {} is not wrapped anew", row.name);
            checked += 1;
        }
        let mut after = Uuid::nil();
        loop {
            let rows = sqlx::query!(
                r#"select subject_id, wrapped_key as "wrapped_key!" from vault.subject_key
                where subject_id > $1 and wrapped_key is not null order by subject_id limit $2"#,
                after,
                BATCH,
            )
            .fetch_all(pool)
            .await?;
            let Some(last) = rows.last() else { return Ok(checked) };
            after = last.subject_id;
            for row in &rows {
                let opened = self.unwrap(&row.wrapped_key, row.subject_id.as_bytes())?;
                let key = opened.with_context(|| {
                    format!("the key of {} was wrapped with the old key meanwhile", row.subject_id)
                })?;
                crypto::aead(&key)?;
                checked += 1;
            }
        }
    }

    /// Connections of programs that were started with another key than the current one.
    async fn behind(&self, pool: &PgPool) -> anyhow::Result<i64> {
        let behind = sqlx::query_scalar!(
            r#"select count(*) as "count!" from pg_stat_activity
            where datname = current_database() and application_name like $1 || '%'
                and application_name <> $2"#,
            APPLICATION,
            self.application_name(),
        )
        .fetch_one(pool)
        .await?;
        Ok(behind)
    }
}
