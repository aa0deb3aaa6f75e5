//! The reference for appends: pgbench, which inserts rows of the same size one by one.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context, ensure};
use sqlx::PgPool;
use tokio::process::Command;

use super::{bulk::EVENTS, cluster::Cluster, place};

/// The raw table, ready to be filled.
pub struct Raw {
    script: PathBuf,
    bulk: PathBuf,
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
        let [script, bulk] = ["raw.sql", "bulk.sql"].map(|name| cluster.folder().join(name));
        fs::write(&script, insert(payload, meta, 1))?;
        fs::write(&bulk, insert(payload, meta, EVENTS))?;
        Ok(Self { script, bulk, connect: cluster.arguments(database) })
    }

    /// Inserts row by row for a while; how many a second that were.
    pub async fn rate(&self, clients: usize, time: Duration) -> anyhow::Result<f64> {
        self.run(&self.script, clients, time).await
    }

    /// Inserts a hundred rows at a time; how many times a second that was.
    pub async fn bulk_rate(&self, clients: usize, time: Duration) -> anyhow::Result<f64> {
        self.run(&self.bulk, clients, time).await
    }

    async fn run(&self, script: &Path, clients: usize, time: Duration) -> anyhow::Result<f64> {
        let output = Command::new(place::postgres("pgbench")?)
            .args(["-n", "-M", "prepared", "-j", &clients.min(2).to_string()])
            .args(["-c", &clients.to_string(), "-T", &time.as_secs().to_string(), "-f"])
            .arg(script)
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

fn insert(payload: i32, meta: i32, rows: u32) -> String {
    // One row alone is not made to pay for a series.
    let series =
        if rows == 1 { String::new() } else { format!(" from generate_series(1, {rows})") };
    format!(
        "insert into raw (stream_id, version, type_id, payload, meta) \
        select gen_random_uuid(), 1, 3, \
        convert_to(left(repeat(md5(random()::text), 1 + {payload} / 32), {payload}), 'utf8'), \
        convert_to(repeat('m', {meta}), 'utf8'){series};\n"
    )
}
