//! Reading a snapshot, and not minding when it is no good.

use std::sync::Once;

use anyhow::Context;
use domain::{Aggregate, Form};
use uuid::Uuid;

use super::{FIRST, Folded, Label, Months, Sources, count};
use crate::{EventLog, Loaded};

/// Why a stream is read without a snapshot.
enum Ignored {
    /// There is none, or none as old as wanted.
    Absent,
    /// A program of another version wrote it.
    OtherForm,
    /// It is of events that the log does not hold.
    Ahead,
    /// The key of the person or of a month is gone.
    Forgotten,
    /// Damaged, forged, or put in another's place.
    Unreadable(anyhow::Error),
    /// It cannot be asked for.
    Unavailable(anyhow::Error),
}

/// What the table holds for a stream.
struct Found {
    /// How many events the stream holds.
    stream_version: i64,
    label: Label,
    sealed: Option<Vec<u8>>,
}

impl EventLog {
    /// A state to go on from, and how many events the stream holds.
    pub(crate) async fn snapshot<A: Aggregate>(
        &self,
        stream: Uuid,
        until: i64,
    ) -> Option<(Folded<A>, i64)> {
        let form = A::SNAPSHOT?;
        let found = match self.find_snapshot::<A>(stream, until, &form).await {
            Ok(found) => found?,
            Err(error) => {
                note(&Ignored::Unavailable(error), stream);
                return None;
            }
        };
        let version = found.stream_version;
        match self.open_snapshot(&found, until, &form).await {
            Ok(folded) => {
                count("used");
                Some((folded, version))
            }
            Err(ignored) => {
                if version >= FIRST {
                    note(&ignored, stream);
                }
                if matches!(ignored, Ignored::Ahead | Ignored::Forgotten | Ignored::Unreadable(_)) {
                    self.discard(&found.label).await;
                }
                None
            }
        }
    }

    async fn find_snapshot<A: Aggregate>(
        &self,
        stream: Uuid,
        until: i64,
        form: &Form<A>,
    ) -> anyhow::Result<Option<Found>> {
        let category = A::CATEGORY as i16;
        let row = sqlx::query!(
            r#"select s.version as stream_version, h.epoch, n.form as "form?", n.version as "version?",
                n.position as "position?", n.subject_id, n.periods as "periods?",
                case when n.form = $3 and n.version <= $4 then n.sealed end as sealed
            from log.stream s join log.head h on h.log_id = 1
                left join work.snapshot n on n.stream_id = s.stream_id
            where s.stream_id = $1 and s.category = $2"#,
            stream,
            category,
            form.fingerprint(),
            until,
        )
        .fetch_optional(&self.pool)
        .await
        .context("asking for a snapshot")?;
        Ok(row.map(|row| Found {
            stream_version: row.stream_version,
            label: Label {
                stream,
                category,
                form: row.form.unwrap_or_default(),
                version: row.version.unwrap_or_default(),
                position: row.position.unwrap_or_default(),
                epoch: row.epoch,
                subject: row.subject_id,
                months: row.periods.unwrap_or_default(),
            },
            sealed: row.sealed,
        }))
    }

    async fn open_snapshot<A: Aggregate>(
        &self,
        found: &Found,
        until: i64,
        form: &Form<A>,
    ) -> Result<Folded<A>, Ignored> {
        let Found { stream_version, label, sealed } = found;
        if label.version == 0 {
            return Err(Ignored::Absent);
        }
        if label.form != form.fingerprint() {
            return Err(Ignored::OtherForm);
        }
        if label.version > *stream_version {
            return Err(Ignored::Ahead);
        }
        let Some(sealed) = sealed.as_ref().filter(|_| label.version <= until) else {
            return Err(Ignored::Absent);
        };
        let months: Months = label
            .months
            .iter()
            .map(|month| month.parse())
            .collect::<Result<_, _>>()
            .map_err(Ignored::Unreadable)?;
        let key = self.snapshot_key(label.subject, &months).await.map_err(Ignored::Unavailable)?;
        let key = key.ok_or(Ignored::Forgotten)?;
        let open = || {
            let packed = key.open(sealed, &label.context())?;
            anyhow::Ok(form.read(&zstd::stream::decode_all(&packed[..])?)?)
        };
        let state = open().map_err(Ignored::Unreadable)?;
        let loaded = Loaded { state, version: label.version, position: label.position };
        let subjects = label.subject.into_iter().collect();
        Ok(Folded { loaded, sources: Sources { subjects, months, is_torn: false }, read: 0 })
    }

    /// What is no good is not looked at twice.
    async fn discard(&self, label: &Label) {
        let gone = sqlx::query!(
            "delete from work.snapshot where stream_id = $1 and form = $2 and version = $3",
            label.stream,
            label.form,
            label.version,
        );
        if let Err(error) = gone.execute(&self.pool).await {
            tracing::debug!(%error, "a snapshot that is no good stays");
        }
    }
}

fn note(ignored: &Ignored, stream: Uuid) {
    static TOLD: Once = Once::new();

    let outcome = match ignored {
        Ignored::Absent => "absent",
        Ignored::OtherForm => "other_form",
        Ignored::Forgotten => "forgotten",
        Ignored::Ahead => {
            tracing::warn!(%stream, "a snapshot is of events that the log does not hold");
            "ahead"
        }
        Ignored::Unreadable(error) => {
            let error = format!("{error:#}");
            tracing::warn!(%stream, error, "a snapshot is damaged or forged; the stream is read");
            "unreadable"
        }
        Ignored::Unavailable(error) => {
            let error = format!("{error:#}");
            TOLD.call_once(|| tracing::warn!(error, "snapshots cannot be read; streams are"));
            "unavailable"
        }
    };
    count(outcome);
}
