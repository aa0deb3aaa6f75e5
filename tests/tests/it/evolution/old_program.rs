//! An older program at work: what it wrote stands in the log as it wrote it.

use eventlog::{MasterKey, ServiceKey};
use sqlx::{AssertSqlSafe, PgPool, Row, postgres::PgPoolOptions};
use tests::Program;
use uuid::Uuid;

/// A program of before the second form of `chat.run_failed`, alone on the data of another one.
pub struct OldProgram {
    pool: PgPool,
    macs: ServiceKey,
}

/// The last run of a conversation, as the log has it.
pub struct LastRun {
    pub session: Uuid,
    pub run: String,
    requested: String,
    failed: String,
    meta: Vec<u8>,
}

impl OldProgram {
    pub async fn start(program: &Program) -> anyhow::Result<Self> {
        let pool = PgPoolOptions::new().max_connections(2).connect(&program.database_url()).await?;
        let master = MasterKey::from_base64(&program.master_key()?)?;
        let macs = ServiceKey::load(&pool, &master, "events").await?;
        Ok(Self { pool, macs })
    }

    /// The last run that failed.
    pub async fn last_run(&self) -> anyhow::Result<LastRun> {
        let sql = "select stream_id, convert_from(payload, 'utf8') payload, meta, name
            from log.event join log.event_type using (type_id)
            where name in ('chat.run_requested', 'chat.run_failed') order by position desc limit 2";
        let rows = sqlx::query(sql).fetch_all(&self.pool).await?;
        let [failed, requested] = &rows[..] else { anyhow::bail!("no run has failed") };
        let failed_text: String = failed.get("payload");
        let event: serde_json::Value = serde_json::from_str(&failed_text)?;
        Ok(LastRun {
            session: failed.get("stream_id"),
            run: event["chat.run_failed"]["run"].as_str().unwrap_or_default().to_owned(),
            requested: requested.get("payload"),
            failed: failed_text,
            meta: requested.get("meta"),
        })
    }

    /// The same run once more, with what the provider said in clear where that once stood.
    pub async fn fail_again(&self, last: &LastRun, ours: &str, told: &str) -> anyhow::Result<Uuid> {
        let run = Uuid::now_v7();
        let again = |payload: &str| payload.replace(&last.run, &run.to_string());
        let (own, said) = (format!("{ours}\""), format!("{ours}: {told}\""));
        anyhow::ensure!(last.failed.contains(&own), "our words are others: {}", last.failed);
        self.write(last, "chat.run_requested", &again(&last.requested)).await?;
        self.write(last, "chat.run_failed", &again(&last.failed).replace(&own, &said)).await?;
        Ok(run)
    }

    /// Writes an event in its first form, with the proof that forms without a version have.
    async fn write(&self, last: &LastRun, name: &str, payload: &str) -> anyhow::Result<()> {
        let (stream, command) = (last.session, Uuid::now_v7());
        let parts = [stream.as_bytes(), &command.as_bytes()[..], &0_u32.to_be_bytes()];
        let rest = [name.as_bytes(), payload.as_bytes(), &last.meta];
        let mac = self.macs.mac(&[parts, rest].concat());
        let mut transaction = self.pool.begin().await?;
        sqlx::query(
            "insert into log.event_type (name, schema_version) values ($1, 1) on conflict do nothing",
        )
        .bind(name)
        .execute(&mut *transaction)
        .await?;
        sqlx::query("update log.head set position = position + 1, recorded_at = greatest(recorded_at, clock_timestamp())")
            .execute(&mut *transaction)
            .await?;
        sqlx::query(
            "insert into log.event (position, stream_id, version, recorded_at, command_id, type_id,
                bucket, payload, meta, mac)
            select h.position, s.stream_id, s.version + 1, h.recorded_at, $2, t.type_id, $3, $4, $5, $6
            from log.head h, log.stream s, log.event_type t
            where s.stream_id = $1 and t.name = $7 and t.schema_version = 1",
        )
        .bind(stream)
        .bind(command)
        .bind(i16::from(stream.as_bytes()[15]))
        .bind(payload.as_bytes())
        .bind(&last.meta)
        .bind(&mac[..])
        .bind(name)
        .execute(&mut *transaction)
        .await?;
        sqlx::query("update log.stream set version = version + 1, last_position = (select position from log.head) where stream_id = $1")
            .bind(stream)
            .execute(&mut *transaction)
            .await?;
        Ok(transaction.commit().await?)
    }
}

/// Changes in a database what no program changes.
pub async fn forge(program: &Program, sql: &str) -> anyhow::Result<()> {
    let pool = PgPoolOptions::new().max_connections(1).connect(&program.database_url()).await?;
    let changed = sqlx::query(AssertSqlSafe(sql)).execute(&pool).await?.rows_affected();
    anyhow::ensure!(changed > 0, "nothing was changed by {sql}");
    pool.close().await;
    Ok(())
}
