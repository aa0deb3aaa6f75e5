//! Sees erasures through: ends what the person has, destroys the key, purges what stands outside the
//! log, and certifies it. Every step may be taken again after a crash.

mod progress;
mod purge;

use std::{sync::Arc, time::Duration};

use anyhow::{Context, ensure};
use commands::{Belonging, Commands, ERASURES, Erasing, Traces};
use eventlog::{Erasure, EventLog, Lease, Position};
use projections::{Belongings, Queries};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::{mail::Post, sms::Carrier};
use progress::Progress;

const LEASE: &str = "erasures";
/// How long a process may be silent before another one goes on.
const LEASE_TIME: Duration = Duration::from_secs(30);
/// How often it is looked for erasures of which no news came.
const POLL: Duration = Duration::from_secs(1);
/// How long the read models may take to show a position.
const PATIENCE: Duration = Duration::from_secs(10);

/// Erases people.
pub struct Eraser {
    commands: Commands,
    queries: Queries,
    post: Arc<Post>,
    carrier: Arc<Carrier>,
}

impl Eraser {
    /// One that looks after the read models of `queries`, the mails of `post` and the messages of
    /// `carrier`.
    #[must_use]
    pub fn new(
        commands: Commands,
        queries: Queries,
        post: Arc<Post>,
        carrier: Arc<Carrier>,
    ) -> Self {
        Self { commands, queries, post, carrier }
    }

    /// Finishes what was asked for, also by a process that is gone, until it is told to stop.
    pub async fn run(self, shutdown: CancellationToken) {
        let mut news = self.log().live().subscribe(ERASURES);
        while !shutdown.is_cancelled() {
            if let Err(error) = self.run_once().await {
                metrics::counter!("annals_erasure_failures_total").increment(1);
                tracing::warn!(error = format!("{error:#}"), "an erasure has to wait");
            }
            tokio::select! {
                () = shutdown.cancelled() => {}
                _ = news.recv() => {}
                () = tokio::time::sleep(POLL) => {}
            }
        }
        let _ = Lease::release(self.log().pool(), LEASE, self.commands.node()).await;
    }

    /// Finishes every erasure that is pending; one that fails does not stop the others.
    pub async fn run_once(&self) -> anyhow::Result<()> {
        let pending = self.commands.pending_erasures().await?;
        if pending.is_empty() {
            return Ok(());
        }
        let mut outcome = Ok(());
        for user in pending {
            let node = self.commands.node();
            if Lease::hold(self.log().pool(), LEASE, node, LEASE_TIME).await?.is_none() {
                return outcome;
            }
            if let Err(error) = self.erase(user).await {
                outcome = Err(error.context(format!("erasing {user}")));
            }
        }
        outcome
    }

    async fn erase(&self, user: Uuid) -> anyhow::Result<()> {
        let erasing = self.commands.erasing(user).await?.context("nobody asked for it")?;
        let mut progress = Progress::load(self.log().pool(), user).await?;
        let (erased_at, erased_position) = match erasing.erased {
            Some(erased) => erased,
            None => self.destroy(&erasing, &mut progress).await?,
        };
        let traces = self.traces(&erasing).await?;
        self.purge(&erasing, &mut progress).await?;
        self.await_position(erased_position).await?;
        let left = self.queries.holdings(user).await?;
        ensure!(left.iter().all(|holding| holding.rows == 0), "read models still hold {left:?}");
        let tree_before = progress.tree_before.clone().context("the tree before was noted")?;
        let erasure = Erasure {
            subject: user,
            requested_by: erasing.requested_by,
            requested_at: erasing.requested_at,
            requested_position: erasing.requested_position,
            erased_at,
            erased_position,
            certified_at: self.commands.clock().now(),
            ended: traces.ended,
            purged: progress.purged.clone(),
            tree_before,
            tree_after: self.log().seal_now().await?,
        };
        let certificate = self.log().certify(erasure)?;
        self.commands.certify_erasure(&erasing, &certificate).await?;
        progress.finish(self.log().pool()).await?;
        tracing::info!(%user, position = erased_position, "somebody was erased");
        Ok(())
    }

    /// Ends everything of the person's and destroys the key.
    async fn destroy(
        &self,
        erasing: &Erasing,
        progress: &mut Progress,
    ) -> anyhow::Result<(chrono::DateTime<chrono::Utc>, Position)> {
        self.await_position(erasing.requested_position).await?;
        if progress.tree_before.is_none() {
            progress.tree_before = Some(self.log().seal_now().await?);
            for holding in self.queries.holdings(erasing.user).await? {
                progress.count(&holding.table, holding.rows);
            }
        }
        let Belongings { sessions, api_keys, chats } =
            self.queries.belongings(erasing.user).await?;
        let all = sessions.iter().chain(&api_keys).chain(&chats);
        progress.streams = all.map(|belonging| belonging.id).collect();
        progress.save(self.log().pool()).await?;
        let lasting = lasting(&sessions, Belonging::Session)
            .chain(lasting(&api_keys, Belonging::ApiKey))
            .chain(lasting(&chats, Belonging::Chat));
        for belonging in lasting {
            self.commands.end(erasing, belonging).await?;
        }
        self.commands.forget_settings(erasing).await?;
        self.commands.forget_factors(erasing).await?;
        let erased = self.commands.destroy_key(erasing).await?;
        progress.count("vault.subject_key", 1);
        progress.save(self.log().pool()).await?;
        Ok(erased)
    }

    /// What was written about the person since; what began in the meantime is ended as well.
    async fn traces(&self, erasing: &Erasing) -> anyhow::Result<Traces> {
        let traces = self.commands.traces(erasing).await?;
        if traces.late.is_empty() {
            return Ok(traces);
        }
        for belonging in &traces.late {
            self.commands.end(erasing, *belonging).await?;
        }
        Ok(self.commands.traces(erasing).await?)
    }

    async fn await_position(&self, position: Position) -> anyhow::Result<()> {
        let is_shown = self.queries.wait_for(position, PATIENCE).await?;
        ensure!(is_shown, "the read models have not come to position {position}");
        Ok(())
    }

    fn log(&self) -> &EventLog {
        self.commands.log()
    }
}

/// What of the things of a kind still goes on.
fn lasting(
    things: &[projections::Belonging],
    kind: fn(Uuid) -> Belonging,
) -> impl Iterator<Item = Belonging> {
    things.iter().filter(|thing| thing.lasts).map(move |thing| kind(thing.id))
}
