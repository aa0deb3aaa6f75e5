//! Which event types the log holds, and whether this program can read them.

use std::{collections::BTreeMap, fmt};

use domain::is_readable;

use crate::{EventLog, MAX_BATCH, Position, types::EventType};

/// The events of one name in one version of its form, as the log holds them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TypeUse {
    /// Their stored name.
    pub name: String,
    /// The version of their form.
    pub schema_version: i16,
    /// How many there are.
    pub events: i64,
    /// Where the first one stands.
    pub first: Position,
    /// Where the last one stands.
    pub last: Position,
}

/// The log holds events that this program cannot read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct UnreadableTypes(pub Vec<TypeUse>);

impl TypeUse {
    /// Whether this program can read them.
    #[must_use]
    pub fn is_readable(&self) -> bool {
        is_readable(&self.name, self.schema_version)
    }
}

impl EventLog {
    /// All that the log holds, by name and version; reads every archive file.
    pub async fn types(&self) -> anyhow::Result<Vec<TypeUse>> {
        let all = self.types.all(&self.pool).await?;
        self.uses(all).await
    }

    /// Refuses a log that holds what this program cannot read. Looks at events only where the log has
    /// numbers for types that this program does not know.
    pub async fn assert_readable(&self) -> anyhow::Result<()> {
        let mut unknown = self.types.all(&self.pool).await?;
        unknown.retain(|(_, known)| !is_readable(&known.name, known.schema_version));
        if unknown.is_empty() {
            return Ok(());
        }
        // A number may be given out for an event that was never written.
        let uses = self.uses(unknown).await?;
        if uses.is_empty() { Ok(()) } else { Err(UnreadableTypes(uses).into()) }
    }

    /// Where the events of these types are, without the types that have none.
    async fn uses(&self, types: Vec<(i32, EventType)>) -> anyhow::Result<Vec<TypeUse>> {
        let ids: Vec<i32> = types.iter().map(|(id, _)| *id).collect();
        let spans = self.spans(&ids).await?;
        let mut uses: Vec<TypeUse> = types
            .into_iter()
            .filter_map(|(id, EventType { name, schema_version })| {
                let Span { events, first, last } = *spans.get(&id)?;
                Some(TypeUse { name: name.to_string(), schema_version, events, first, last })
            })
            .collect();
        uses.sort_by(|a, b| (&a.name, a.schema_version).cmp(&(&b.name, b.schema_version)));
        Ok(uses)
    }

    /// What the archive files and, after them, the table hold of these types.
    async fn spans(&self, types: &[i32]) -> anyhow::Result<BTreeMap<i32, Span>> {
        self.shelf.refresh(&self.pool).await?;
        loop {
            let archived = self.shelf.last();
            let mut spans = self.archived_spans(archived, types).await?;
            let rows = sqlx::query!(
                r#"select type_id, count(*) as "events!", min(position) as "first!", max(position) as "last!"
                from log.event where position > $1 and type_id = any($2) group by type_id"#,
                archived,
                types,
            )
            .fetch_all(&self.pool)
            .await?;
            for row in rows {
                spans.entry(row.type_id).or_default().add(row.events, row.first, row.last);
            }
            self.shelf.refresh(&self.pool).await?;
            if self.shelf.last() == archived {
                return Ok(spans);
            }
        }
    }

    async fn archived_spans(
        &self,
        last: Position,
        types: &[i32],
    ) -> anyhow::Result<BTreeMap<i32, Span>> {
        let mut spans: BTreeMap<i32, Span> = BTreeMap::new();
        let mut after = 0;
        while after < last {
            let rows = self.rows(after, MAX_BATCH.min(last - after)).await?;
            let Some(end) = rows.last().map(|row| row.position) else { break };
            for row in rows.iter().filter(|row| types.contains(&row.type_id)) {
                spans.entry(row.type_id).or_default().add(1, row.position, row.position);
            }
            after = end;
        }
        Ok(spans)
    }
}

/// Where events of one type stand.
#[derive(Clone, Copy, Default)]
struct Span {
    events: i64,
    first: Position,
    last: Position,
}

impl Span {
    /// Takes in events behind those it has.
    fn add(&mut self, events: i64, first: Position, last: Position) {
        if self.events == 0 {
            self.first = first;
        }
        self.events += events;
        self.last = last;
    }
}

impl fmt::Display for TypeUse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, schema_version, events, first, .. } = self;
        let noun = if *events == 1 { "event" } else { "events" };
        write!(
            f,
            "{name} in version {schema_version} ({events} {noun}, the first at position {first})"
        )
    }
}

impl fmt::Display for UnreadableTypes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let told: Vec<_> = self.0.iter().map(TypeUse::to_string).collect();
        write!(
            f,
            "this log holds events that this program cannot read, because a newer one wrote them: {}. \
            Run that version of Annals or a later one; `annals log types` lists all that there is",
            told.join("; ")
        )
    }
}
