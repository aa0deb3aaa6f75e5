//! Where streams are said to be: who changes that hides events from readers without touching any.

use std::collections::HashMap;

use uuid::Uuid;

use super::{Fault, checker::Extent, fault::fault_at};
use crate::{EventLog, Position};

/// Rows read at once.
const PAGE: i64 = 5000;

/// A stream as its row in `log.stream` tells of it.
struct Told {
    stream_id: Uuid,
    category: i16,
    version: i64,
    first_position: Position,
    last_position: Position,
}

impl EventLog {
    /// The first stream whose row does not fit its events, up to the position that was checked.
    pub(super) async fn check_streams(
        &self,
        (streams, checked): (&HashMap<Uuid, Extent>, Position),
    ) -> anyhow::Result<Option<Fault>> {
        let mut after = Uuid::nil();
        let (mut first, mut seen) = (None, 0);
        loop {
            let page = self.told(after).await?;
            let Some(last) = page.last() else { break };
            after = last.stream_id;
            for told in &page {
                let extent = streams.get(&told.stream_id);
                seen += usize::from(extent.is_some());
                first = earlier(first, told.fault(extent, checked));
            }
        }
        if seen < streams.len() {
            first = earlier(first, self.untold(streams).await?);
        }
        Ok(first)
    }

    async fn told(&self, after: Uuid) -> sqlx::Result<Vec<Told>> {
        sqlx::query_as!(
            Told,
            "select stream_id, category, version, first_position, last_position from log.stream
            where stream_id > $1 order by stream_id limit $2",
            after,
            PAGE,
        )
        .fetch_all(&self.pool)
        .await
    }

    /// The first stream that has events and no row.
    async fn untold(&self, streams: &HashMap<Uuid, Extent>) -> anyhow::Result<Option<Fault>> {
        let ids: Vec<Uuid> = streams.keys().copied().collect();
        let lost = sqlx::query_scalar!(
            r#"select id as "id!" from unnest($1::uuid[]) id
            where not exists (select from log.stream s where s.stream_id = id)"#,
            &ids,
        )
        .fetch_all(&self.pool)
        .await?;
        let first = lost.iter().filter_map(|id| streams.get(id)).map(|stream| stream.first).min();
        Ok(first.map(|first| fault_at(first, "its stream is not in log.stream")))
    }
}

impl Told {
    fn fault(&self, extent: Option<&Extent>, checked: Position) -> Option<Fault> {
        let Some(extent) = extent else {
            let detail = format!("stream {} has no events", self.stream_id);
            return (self.first_position <= checked).then(|| fault_at(self.first_position, detail));
        };
        let wrong = |at: Position, what: &str| {
            let detail = format!("log.stream has another {what} of stream {}", self.stream_id);
            Some(fault_at(at, detail))
        };
        let category = extent.category.map(|category| category as i16);
        // It may have grown since its events were read.
        let has_grown = self.last_position > checked && self.version > extent.version;
        match () {
            () if self.first_position != extent.first => wrong(extent.first, "first position"),
            () if Some(self.category) != category => wrong(extent.first, "category"),
            () if has_grown => None,
            () if self.last_position != extent.last => wrong(extent.last, "last position"),
            () if self.version != extent.version => wrong(extent.last, "version"),
            () => None,
        }
    }
}

fn earlier(one: Option<Fault>, other: Option<Fault>) -> Option<Fault> {
    [one, other].into_iter().flatten().min_by_key(|fault| fault.position)
}
