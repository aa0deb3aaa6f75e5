//! The projections that are in step: they share each batch, its decoding and its transaction.

use std::{collections::HashMap, time::Instant};

use anyhow::Context;
use eventlog::{EventLog, Position, RawEvent};
use sqlx::{Connection, PgConnection};

use crate::{
    Checkpoint, Projection,
    batch::Batch,
    checkpoint::Advance,
    connection::{connect, is_passing},
    freshness,
    pace::Pace,
};

/// Projections in step, written by the holder of one fence.
pub(crate) struct Group {
    log: EventLog,
    fence: i64,
    members: Vec<Checkpoint>,
    fallen: Vec<Projection>,
    db: Option<PgConnection>,
    pace: Pace,
}

/// What went wrong, and with which member if it is one's own trouble.
struct Failure {
    projection: Option<Projection>,
    error: anyhow::Error,
}

impl<E: Into<anyhow::Error>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self { projection: None, error: error.into() }
    }
}

impl Group {
    /// Nobody yet.
    pub(crate) fn new(log: EventLog, fence: i64) -> Self {
        Self { log, fence, members: vec![], fallen: vec![], db: None, pace: Pace::default() }
    }

    /// The position that all members show; none without members.
    pub(crate) fn position(&self) -> Option<Position> {
        self.members.iter().map(Checkpoint::position).min()
    }

    /// Those that could not go along since this was last asked: they have to catch up by themselves.
    pub(crate) fn take_fallen(&mut self) -> Vec<Projection> {
        std::mem::take(&mut self.fallen)
    }

    /// Notices which members were moved by somebody else, as by a rollback: they fall out.
    pub(crate) async fn look(&mut self) -> sqlx::Result<()> {
        let names: Vec<_> = self.members.iter().map(|member| member.name().to_owned()).collect();
        let rows = sqlx::query!(
            "select name, checkpoint from read.projection where name = any($1) and fence = $2",
            &names,
            self.fence,
        )
        .fetch_all(self.log.pool())
        .await?;
        let fallen = &mut self.fallen;
        self.members.retain(|member| {
            let stands =
                |(name, at): (&str, Position)| name == member.name() && at == member.position;
            let is_there = rows.iter().any(|row| stands((&row.name, row.checkpoint)));
            if !is_there {
                fallen.push(member.projection);
            }
            is_there
        });
        Ok(())
    }

    /// Takes a projection in that is about as far as the others, once it is not behind them.
    pub(crate) async fn welcome(&mut self, mut newcomer: Checkpoint) {
        let projection = newcomer.projection;
        match self.bring_up(&mut newcomer).await {
            Ok(true) => self.members.push(newcomer),
            Ok(false) => self.fallen.push(projection),
            Err(error) => {
                report(projection, &error);
                self.db = None;
                self.fallen.push(projection);
            }
        }
    }

    async fn bring_up(&mut self, newcomer: &mut Checkpoint) -> anyhow::Result<bool> {
        let Some(goal) = self.position() else { return Ok(true) };
        while newcomer.position < goal {
            let events = self.log.read_at_most(newcomer.position, goal - newcomer.position).await?;
            let mut db = self.connection().await?;
            if !newcomer.apply(&mut db, &self.log, events).await? {
                return Ok(false);
            }
            self.db = Some(db);
        }
        Ok(true)
    }

    /// Takes events in that follow those before; an error where trying again may help, else those
    /// with whom it does not work fall out.
    pub(crate) async fn take_in(&mut self, events: Vec<RawEvent>) -> anyhow::Result<()> {
        let is_wanted = |name: &str| self.members.iter().any(|it| it.projection.wants(name));
        let batch = match Batch::decode(&self.log, events, is_wanted).await {
            Ok(Some(batch)) => batch,
            Ok(None) => return Ok(()),
            Err(error) if is_passing(&error) => return Err(error),
            Err(error) => {
                tracing::error!(error = format!("{error:#}"), "each projection by itself now");
                self.fallen.extend(self.members.drain(..).map(|member| member.projection));
                return Ok(());
            }
        };
        while let Err(Failure { projection, error }) = self.attempt(&batch).await {
            self.db = None;
            let Some(projection) = projection.filter(|_| !is_passing(&error)) else {
                return Err(error);
            };
            report(projection, &error);
            self.members.retain(|member| member.projection != projection);
            self.fallen.push(projection);
        }
        Ok(())
    }

    async fn attempt(&mut self, batch: &Batch) -> Result<(), Failure> {
        let began = Instant::now();
        let mut db = self.connection().await?;
        let mut transaction = db.begin().await?;
        let advanced = self.advance(&mut transaction, batch).await?;
        for member in &mut self.members {
            let Some(advance) = advanced.get(member.name()) else { continue };
            let projection = Some(member.projection);
            member
                .write(&mut transaction, batch, advance.parking)
                .await
                .map_err(|error| Failure { projection, error })?;
        }
        transaction.commit().await.context("committing a batch")?;
        self.db = Some(db);
        self.settle(batch, &advanced, began).await;
        Ok(())
    }

    /// Moves the members' rows on and keeps them locked: of those that stood where we left them and
    /// are not just being exchanged by a rebuild.
    async fn advance(
        &self,
        db: &mut PgConnection,
        batch: &Batch,
    ) -> sqlx::Result<HashMap<String, Advance>> {
        let behind = self.members.iter().filter(|member| member.position < batch.last);
        let (names, checkpoints): (Vec<_>, Vec<_>) =
            behind.map(|member| (member.name().to_owned(), member.position)).unzip();
        let rows = sqlx::query!(
            r#"with mine as (
                select p.name from read.projection p
                join unnest($1::text[], $2::bigint[]) m(name, checkpoint)
                    on p.name = m.name and p.checkpoint = m.checkpoint
                where p.fence = $3 for update of p skip locked
            )
            update read.projection p
            set checkpoint = $4, updated_at = clock_timestamp(), last_error = null,
                events_per_second = $6
            from mine where p.name = mine.name
            returning p.name, p.parking, extract(epoch from p.updated_at - $5)::float8 as "age!""#,
            &names,
            &checkpoints,
            self.fence,
            batch.last,
            batch.recorded_at,
            self.pace.per_second(),
        )
        .fetch_all(db)
        .await?;
        Ok(rows
            .into_iter()
            .map(|row| (row.name, Advance { parking: row.parking, age: row.age }))
            .collect())
    }

    /// Notes down and tells how far those that went along have come; the others fall out.
    async fn settle(&mut self, batch: &Batch, rows: &HashMap<String, Advance>, began: Instant) {
        let mut advanced = Vec::with_capacity(self.members.len());
        let fallen = &mut self.fallen;
        let mut taken_in = 0;
        self.members.retain_mut(|member| {
            if let Some(Advance { age, .. }) = rows.get(member.name()) {
                let events = usize::try_from(batch.last - member.position).unwrap_or(0);
                member.position = batch.last;
                taken_in = taken_in.max(events);
                member.measure(events, age + began.elapsed().as_secs_f64());
                advanced.push(member.projection);
            } else if member.position < batch.last {
                fallen.push(member.projection);
                return false;
            }
            true
        });
        self.pace.count(taken_in);
        freshness::announce(&self.log, &advanced, batch.last).await;
    }

    async fn connection(&mut self) -> anyhow::Result<PgConnection> {
        match self.db.take() {
            Some(db) => Ok(db),
            None => connect(self.log.pool()).await,
        }
    }
}

/// Counts a failure of a projection and writes it down.
pub(crate) fn report(projection: Projection, error: &anyhow::Error) {
    let projection = projection.name();
    metrics::counter!("annals_projection_failures_total", "projection" => projection).increment(1);
    tracing::error!(projection, error = format!("{error:#}"), "stopped; trying again");
}
