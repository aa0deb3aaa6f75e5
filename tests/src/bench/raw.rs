//! The reference for appends: pgbench, which inserts rows of the same size one by one.

use std::{fs, path::PathBuf, time::Duration};

use anyhow::{Context, ensure};
use sqlx::PgPool;
use tokio::process::Command;

use super::{cluster::Cluster, place};

/// The raw table, ready to be filled.
pub struct Raw {
    script: PathBuf,
    connect: [String; 5],
}

impl Raw {
    /// Makes it in a database; rows are as long as the events there are on average.
    pub async fn create(cluster: &Cluster, database: &str, pool: &PgPool) -> anyhow::Result<Self> {
        sqlx::query(
            "create table raw (id bigint generated always as identity primary key,
            stream_id uuid not null, version bigint not null, type_id integer,
            payload bytea not null, meta bytea not null, unique (stream_id, version))",
        )
        .execute(pool)
        .await?;
        let (payload, meta) = mean_sizes(pool).await?;
        println!("events are {} bytes on average, {meta} of them meta", payload + meta);
        let script = cluster.folder().join("raw.sql");
        fs::write(&script, insert(payload, meta))?;
        Ok(Self { script, connect: cluster.arguments(database) })
    }

    /// Inserts for a while; how many a second that were.
    pub async fn rate(&self, clients: usize, time: Duration) -> anyhow::Result<f64> {
        let output = Command::new(place::postgres("pgbench")?)
            .args(["-n", "-M", "prepared", "-j", &clients.min(2).to_string()])
            .args(["-c", &clients.to_string(), "-T", &time.as_secs().to_string(), "-f"])
            .arg(&self.script)
            .args(&self.connect)
            .kill_on_drop(true)
            .output()
            .await
            .context("running pgbench")?;
        let errors = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "pgbench: {errors}");
        let text = String::from_utf8_lossy(&output.stdout);
        let rate = text.lines().find_map(|line| line.strip_prefix("tps = ")?.split(' ').next());
        rate.with_context(|| format!("pgbench tells no rate:\n{text}"))?.parse().context("the rate")
    }
}

async fn mean_sizes(pool: &PgPool) -> anyhow::Result<(i32, i32)> {
    let sizes = sqlx::query_as(
        "select avg(length(payload))::integer, avg(length(meta))::integer from log.event",
    );
    sizes.fetch_one(pool).await.context("measuring events")
}

fn insert(payload: i32, meta: i32) -> String {
    format!(
        "insert into raw (stream_id, version, type_id, payload, meta) values (gen_random_uuid(), 1, 3, \
        convert_to(left(repeat(md5(random()::text), 1 + {payload} / 32), {payload}), 'utf8'), \
        convert_to(repeat('m', {meta}), 'utf8'));\n"
    )
}
