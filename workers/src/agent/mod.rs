//! Drives runs of conversations: asks models, runs tools, records every step.

mod drive;
pub mod provider;
mod tool;

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use commands::{Commands, Drive};
use domain::{
    Event,
    chat::{self, Chat, Lease, Status},
};
use eventlog::{Broker, Meta, Recorded};
use tokio::{sync::mpsc, task::JoinSet};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::consume::{self, Verdict, Worker};
use provider::Providers;

/// How long after a look at a run the next one follows, until it is over.
const LOOK_AGAIN: Duration = Duration::from_secs(30);
/// How long runs may go on when the process is to stop.
const FAREWELL: Duration = Duration::from_secs(5);

/// Drives runs.
#[derive(Clone)]
pub struct Agent {
    commands: Commands,
    providers: Providers,
}

impl Agent {
    /// An agent that talks to `providers`.
    #[must_use]
    pub fn new(commands: Commands, providers: Providers) -> Self {
        Self { commands, providers }
    }

    /// Drives the runs that this process asked for at once, and takes over those whose driver has
    /// gone, until it is told to stop.
    pub async fn run(
        self,
        mut local: mpsc::Receiver<Drive>,
        broker: Broker,
        shutdown: CancellationToken,
    ) {
        let log = self.commands.log().clone();
        if let Err(error) = tool::seal_what_was_clear(&log).await {
            tracing::warn!(
                error = format!("{error:#}"),
                "some tables of people are not sealed yet"
            );
        }
        let (orphans, mut adopted) = mpsc::channel(16);
        let driven = Driven::default();
        let heir = Arc::new(Heir { agent: self.clone(), orphans, driven: driven.clone() });
        let mut tasks = JoinSet::new();
        tasks.spawn(consume::run(log, broker, heir, shutdown.clone()));
        loop {
            let drive = tokio::select! {
                () = shutdown.cancelled() => break,
                drive = local.recv() => drive,
                drive = adopted.recv() => drive,
            };
            let Some(drive) = drive else { break };
            let agent = self.clone();
            let begun = driven.begin(drive.run);
            tasks.spawn(async move {
                agent.drive(drive).await;
                drop(begun);
            });
            while tasks.try_join_next().is_some() {}
        }
        let farewell = async { while tasks.join_next().await.is_some() {} };
        // What is cut off here is taken over when its lease ends.
        let _ = tokio::time::timeout(FAREWELL, farewell).await;
    }
}

/// The runs that this process drives at present.
#[derive(Clone, Default)]
struct Driven(Arc<Mutex<HashSet<Uuid>>>);

/// A run that is being driven, for as long as this is kept.
struct Begun {
    run: Uuid,
    driven: Driven,
}

impl Driven {
    fn begin(&self, run: Uuid) -> Begun {
        self.lock().insert(run);
        Begun { run, driven: self.clone() }
    }

    fn lock(&self) -> MutexGuard<'_, HashSet<Uuid>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Begun {
    fn drop(&mut self) {
        self.driven.lock().remove(&self.run);
    }
}

/// Looks after the runs whose driver has gone.
struct Heir {
    agent: Agent,
    orphans: mpsc::Sender<Drive>,
    driven: Driven,
}

impl Worker for Heir {
    const NAME: &str = "agent";
    const SUBJECTS: &[&str] = &["events.chat.*.run_requested"];

    async fn act(&self, event: Recorded) -> anyhow::Result<Verdict> {
        let Event::Chat(chat::Event::RunRequested { request }) = &event.event else {
            return Ok(Verdict::Done);
        };
        let commands = &self.agent.commands;
        let until_end = |lease: &Lease| {
            let left = (lease.until - commands.clock().now()).to_std().ok()?;
            Some(Verdict::Again(left + Duration::from_secs(1)))
        };
        if let Some(later) = until_end(&request.lease) {
            return Ok(later);
        }
        if self.driven.lock().contains(&request.run) {
            return Ok(Verdict::Again(LOOK_AGAIN));
        }
        let loaded = commands.log().load::<Chat>(event.stream).await?;
        let run = loaded.state.conversation().and_then(|open| open.run(request.run));
        let Some(run) = run.filter(|run| run.status == Status::Running) else {
            return Ok(Verdict::Done);
        };
        if let Some(later) = until_end(&run.lease) {
            return Ok(later);
        }
        let meta = Meta { causation: Some(event.position), ..event.meta };
        if let Some(drive) = commands.take_over(event.stream, request.run, meta).await? {
            tracing::info!(run = %request.run, "taking a run over");
            self.orphans.send(drive).await?;
        }
        Ok(Verdict::Again(LOOK_AGAIN))
    }
}
