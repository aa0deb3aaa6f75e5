//! How far the projections have come, for those who look after them.

use chrono::{DateTime, Utc};
use eventlog::Position;
use serde::Serialize;

use crate::{Projection, Queries, Refused, rebuild, rebuild::RebuildStatus};

/// How far a projection has come.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ProjectionStatus {
    /// Its name.
    pub name: String,
    /// The last position its tables show.
    pub checkpoint: Position,
    /// How many events it has still to take in.
    pub lag_events: i64,
    /// How long the first of them has been waiting.
    pub lag_seconds: f64,
    /// How many it takes in per second at present.
    pub events_per_second: f64,
    /// When it last took some in.
    pub updated_at: DateTime<Utc>,
    /// How many streams it leaves out for now.
    pub parked: i64,
    /// Why it stands still, if it does.
    pub last_error: Option<String>,
    /// Its versions beside the live one.
    pub versions: Vec<VersionStatus>,
    /// Its last rebuild.
    pub rebuild: Option<RebuildStatus>,
}

/// A version of a projection beside the live one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct VersionStatus {
    /// The projection.
    #[serde(skip)]
    pub projection: String,
    /// `next`: it may be promoted; `old`: it may be rolled back to.
    pub slot: String,
    /// The last position its tables show.
    pub checkpoint: Position,
    /// Whether it is kept up with the log.
    pub is_followed: bool,
    /// When it was made, or stopped being live.
    pub made_at: DateTime<Utc>,
    /// Why it stands still, if it does.
    pub last_error: Option<String>,
}

impl Queries {
    /// How far each projection has come, those that ever ran.
    pub async fn projections(&self) -> anyhow::Result<Vec<ProjectionStatus>> {
        let names = Projection::ALL.map(|projection| projection.name().to_owned());
        let rows = sqlx::query!(
            r#"select p.name, p.checkpoint, h.position - p.checkpoint as "lag_events!",
                p.updated_at, p.last_error, clock_timestamp() as "now!",
                case when p.updated_at > clock_timestamp() - interval '5 seconds'
                    then p.events_per_second else 0 end as "events_per_second!",
                (select count(*) from read.parked k
                    where k.projection = p.name and k.skipped_at is null) as "parked!"
            from read.projection p cross join log.head h
            where h.log_id = 1 and p.name = any($1) order by p.name"#,
            &names,
        )
        .fetch_all(self.pool())
        .await?;
        let refused = self.refused().await?;
        let (versions, rebuilds) = (self.versions().await?, rebuild::statuses(self.pool()).await?);
        let mut statuses = Vec::with_capacity(rows.len());
        for row in rows {
            let refusal = refused.iter().find(|refused| refused.projection == row.name);
            let versions = versions.iter().filter(|version| version.projection == row.name);
            let lag = row.lag_events.max(0);
            statuses.push(ProjectionStatus {
                lag_seconds: self.lag(row.checkpoint, lag, row.now).await?,
                lag_events: lag,
                versions: versions.cloned().collect(),
                rebuild: rebuilds.iter().find(|it| it.projection == row.name).cloned(),
                last_error: refusal.map(ToString::to_string).or(row.last_error),
                name: row.name,
                checkpoint: row.checkpoint,
                events_per_second: row.events_per_second,
                updated_at: row.updated_at,
                parked: row.parked,
            });
        }
        Ok(statuses)
    }

    /// The projections that show what the log does not hold.
    pub async fn refused(&self) -> anyhow::Result<Vec<Refused>> {
        let names = Projection::ALL.map(|projection| projection.name().to_owned());
        let rows = sqlx::query!(
            "select p.name, p.checkpoint, p.epoch, h.position as head, h.epoch as head_epoch
            from read.projection p cross join log.head h
            where h.log_id = 1 and p.name = any($1)
                and (p.epoch <> h.epoch or p.checkpoint > h.position)",
            &names,
        )
        .fetch_all(self.pool())
        .await?;
        let refused = rows.into_iter().filter_map(|row| {
            Some(Refused {
                projection: Projection::named(&row.name)?.name(),
                checkpoint: row.checkpoint,
                epoch: row.epoch,
                head: row.head,
                head_epoch: row.head_epoch,
            })
        });
        Ok(refused.collect())
    }

    async fn versions(&self) -> sqlx::Result<Vec<VersionStatus>> {
        sqlx::query_as!(
            VersionStatus,
            "select projection, slot, checkpoint, is_followed, made_at, last_error
            from read.version order by projection, slot",
        )
        .fetch_all(self.pool())
        .await
    }

    /// How long the first event after a checkpoint has been waiting.
    async fn lag(&self, checkpoint: Position, lag: i64, now: DateTime<Utc>) -> anyhow::Result<f64> {
        if lag == 0 {
            return Ok(0.0);
        }
        let first = self.log().read_at_most(checkpoint, 1).await?;
        let waiting = first.first().map(|event| now - event.recorded_at);
        Ok(waiting.map_or(0.0, |waiting| waiting.as_seconds_f64().max(0.0)))
    }
}
