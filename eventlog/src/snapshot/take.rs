//! Taking a snapshot of a stream.

use anyhow::Context;
use domain::Aggregate;
use uuid::Uuid;

use super::{Folded, Label};
use crate::EventLog;

/// How hard zstd tries: words shrink to a third, and it takes less time than writing them.
const LEVEL: i32 = 1;

impl EventLog {
    /// Keeps the state of a stream as it is now; answers at which version, and none where streams of
    /// this kind have no snapshots, or this one can have none.
    pub async fn take_snapshot<A: Aggregate>(&self, stream: Uuid) -> anyhow::Result<Option<i64>> {
        let Some(form) = A::SNAPSHOT else { return Ok(None) };
        let epoch = self.epoch().await?;
        let Folded { loaded, sources, .. } = self.fold::<A>(stream, i64::MAX).await?;
        if loaded.version == 0 || !sources.can_be_sealed() {
            return Ok(None);
        }
        let subject = sources.subject();
        let Some(key) = self.snapshot_key(subject, &sources.months).await? else {
            return Ok(None);
        };
        let label = Label {
            stream,
            category: A::CATEGORY as i16,
            form: form.fingerprint(),
            version: loaded.version,
            position: loaded.position,
            epoch,
            subject,
            months: sources.months.iter().map(ToString::to_string).collect(),
        };
        let context = label.context();
        let sealing = tokio::task::spawn_blocking(move || {
            let packed = zstd::stream::encode_all(&form.write(&loaded.state)?[..], LEVEL)?;
            key.seal(&packed, &context)
        });
        let sealed = sealing.await?.context("sealing a snapshot")?;
        let is_kept = self.keep_snapshot(&label, &sealed).await?;
        Ok(is_kept.then_some(label.version))
    }

    /// Whoever is erased meanwhile has to wait for this, and finds it; afterwards nothing is kept.
    async fn keep_snapshot(&self, label: &Label, sealed: &[u8]) -> anyhow::Result<bool> {
        let kept = sqlx::query!(
            "with alive as (
                select from vault.subject_key
                where subject_id = $5 and wrapped_key is not null for share
            )
            insert into work.snapshot as n
                (stream_id, form, version, position, subject_id, periods, sealed, taken_at)
            select $1, $2, $3, $4, $5, $6, $7, clock_timestamp()
            where $5::uuid is null or exists (select from alive)
            on conflict on constraint snapshot_pkey do update
                set form = excluded.form, version = excluded.version, position = excluded.position,
                    subject_id = excluded.subject_id, periods = excluded.periods,
                    sealed = excluded.sealed, taken_at = excluded.taken_at
                where n.form <> excluded.form or n.version < excluded.version",
            label.stream,
            label.form,
            label.version,
            label.position,
            label.subject,
            &label.months,
            sealed,
        )
        .execute(&self.pool)
        .await
        .context("keeping a snapshot")?;
        let is_kept = kept.rows_affected() > 0;
        if is_kept {
            metrics::counter!("annals_snapshots_taken_total").increment(1);
            let bytes = u32::try_from(sealed.len()).map_or(f64::INFINITY, f64::from);
            metrics::histogram!("annals_snapshot_bytes").record(bytes);
        }
        Ok(is_kept)
    }
}
