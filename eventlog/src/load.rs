//! Loading one stream: its state and how far it has come.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};

use anyhow::Context;
use domain::{Aggregate, Seal, decode, with_seal};
use uuid::Uuid;

use crate::{
    EventLog, Meta, Position,
    follow::{Place, Row, Wanted},
    keys::{SubjectKey, month_of},
    snapshot::{self, Folded, Months, Sources},
};

/// A stream, folded into its state.
pub struct Loaded<A> {
    /// What is true.
    pub state: A,
    /// How many events it holds.
    pub version: i64,
    /// Where the last one stands; 0 for an empty stream.
    pub position: Position,
}

impl EventLog {
    /// Reads a stream, from its snapshot on where there is one; an empty one is the initial state, and
    /// so is one of another category: whose id it is tells nobody anything.
    pub async fn load<A: Aggregate>(&self, stream: Uuid) -> anyhow::Result<Loaded<A>> {
        let folded = self.fold::<A>(stream, i64::MAX).await?;
        if folded.was_long() {
            self.want_snapshot::<A>(stream);
        }
        Ok(folded.loaded)
    }

    /// Reads a stream as it was when it held `version` events.
    pub async fn load_until<A: Aggregate>(
        &self,
        stream: Uuid,
        version: i64,
    ) -> anyhow::Result<Loaded<A>> {
        Ok(self.fold::<A>(stream, version).await?.loaded)
    }

    /// Takes in all events up to a version, or those that a snapshot lacks.
    pub(crate) async fn fold<A: Aggregate>(
        &self,
        stream: Uuid,
        until: i64,
    ) -> anyhow::Result<Folded<A>> {
        if let Some((folded, version)) = self.snapshot::<A>(stream, until).await {
            let after = folded.place();
            if after.version == version.min(until) {
                return Ok(folded);
            }
            let rows = self.rows_after::<A>(stream, after, until).await?;
            if after.leads_to(&rows) {
                return self.take_in(folded, stream, &rows).await;
            }
            snapshot::count("gap");
        }
        let rows = self.rows_after::<A>(stream, Place::default(), until).await?;
        self.take_in(Folded::default(), stream, &rows).await
    }

    async fn rows_after<A: Aggregate>(
        &self,
        stream: Uuid,
        after: Place,
        until: i64,
    ) -> anyhow::Result<Vec<Row>> {
        let category = A::CATEGORY as i16;
        let rows = sqlx::query_as!(
            Row,
            "select position, stream_id, version, recorded_at, command_id, type_id, bucket, payload, meta, mac
            from log.event where stream_id = $1
                and position >= (select first_position from log.stream where stream_id = $1 and category = $2)
                and position <= (select last_position from log.stream where stream_id = $1 and category = $2)
                and position > $4 and version > $5 and version <= $3
            order by version",
            stream,
            category,
            until,
            after.position,
            after.version,
        )
        .fetch_all(&self.pool)
        .await?;
        self.completed(Wanted { stream, category: Some(category), after, until }, rows).await
    }

    async fn take_in<A: Aggregate>(
        &self,
        folded: Folded<A>,
        stream: Uuid,
        rows: &[Row],
    ) -> anyhow::Result<Folded<A>> {
        let metas: Vec<Meta> =
            rows.iter().map(|row| serde_json::from_slice(&row.meta)).collect::<Result<_, _>>()?;
        let subjects = metas.iter().filter_map(|meta| meta.subject);
        let keys = self.keys.for_reading(subjects.clone()).await?;
        let Folded { mut loaded, mut sources, .. } = folded;
        sources.add(subjects, &keys);
        let months = Arc::default();
        let keys = keys.into_iter().map(|(subject, key)| (subject, Watched::new(key, &months)));
        let keys: HashMap<_, _> = keys.collect();
        let none = Watched::new(SubjectKey::none(), &months);
        for (row, meta) in rows.iter().zip(&metas) {
            let key = meta.subject.and_then(|subject| keys.get(&subject)).unwrap_or(&none);
            let known = self.types.get(&self.pool, row.type_id).await?;
            let event: A::Event = with_seal(Arc::clone(key) as _, stream, || {
                decode(&known.name, known.schema_version, &row.payload)
            })
            .with_context(|| format!("decoding position {}", row.position))?;
            loaded.state.evolve(&event);
            loaded.version = row.version;
            loaded.position = row.position;
        }
        sources.opened(&months);
        Ok(Folded { loaded, sources, read: rows.len() })
    }
}

/// A key that takes note of the months whose keys were needed besides.
struct Watched {
    key: Arc<SubjectKey>,
    months: Arc<Mutex<Months>>,
}

impl Watched {
    fn new(key: Arc<SubjectKey>, months: &Arc<Mutex<Months>>) -> Arc<Self> {
        Arc::new(Self { key, months: Arc::clone(months) })
    }
}

impl Seal for Watched {
    fn seal(&self, clear: &[u8], context: &[u8]) -> Result<String, String> {
        self.key.seal(clear, context)
    }

    fn open(&self, sealed: &str, context: &[u8]) -> Result<Option<Vec<u8>>, String> {
        let opened = self.key.open(sealed, context)?;
        if let (Some(_), Some(month)) = (&opened, month_of(sealed)) {
            Sources::lock(&self.months).insert(month);
        }
        Ok(opened)
    }
}
