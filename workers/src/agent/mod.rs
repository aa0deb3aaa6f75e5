//! Drives runs of conversations: asks models, runs tools, records every step.

mod drive;
pub mod provider;
mod tool;

use std::{sync::Arc, time::Duration};

use commands::{Commands, Drive};
use domain::{Event, chat};
use eventlog::{Broker, Meta, Recorded};
use tokio::{sync::mpsc, task::JoinSet};
use tokio_util::sync::CancellationToken;

use crate::consume::{self, Verdict, Worker};
use provider::Providers;

/// How long after a look at a run the next one follows, until it is over.
const LOOK_AGAIN: Duration = Duration::from_secs(30);

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
        let agent = Arc::new(self.clone());
        let takeover = tokio::spawn(consume::run(log, broker, agent, shutdown.clone()));
        let mut runs = JoinSet::new();
        loop {
            let drive = tokio::select! {
                () = shutdown.cancelled() => break,
                drive = local.recv() => drive,
            };
            let Some(drive) = drive else { break };
            let agent = self.clone();
            runs.spawn(async move { agent.drive(drive).await });
            while runs.try_join_next().is_some() {}
        }
        // What is cut off here is taken over when its lease ends.
        runs.shutdown().await;
        let _ = takeover.await;
    }
}

impl Worker for Agent {
    const NAME: &str = "agent";
    const SUBJECTS: &[&str] = &["events.chat.*.run_requested"];

    async fn act(&self, event: Recorded) -> anyhow::Result<Verdict> {
        let Event::Chat(chat::Event::RunRequested { request }) = &event.event else {
            return Ok(Verdict::Done);
        };
        let left = request.lease.until - self.commands.clock().now();
        if let Ok(left) = left.to_std() {
            return Ok(Verdict::Again(left + Duration::from_secs(1)));
        }
        let loaded = self.commands.log().load::<chat::Chat>(event.stream).await?;
        let run = loaded.state.conversation().and_then(|open| open.run(request.run));
        if run.is_none_or(|run| run.status != chat::Status::Running) {
            return Ok(Verdict::Done);
        }
        let meta = Meta { causation: Some(event.position), ..event.meta };
        if let Some(drive) = self.commands.take_over(event.stream, request.run, meta).await? {
            tracing::info!(run = %request.run, "taking a run over");
            let agent = self.clone();
            tokio::spawn(async move { agent.drive(drive).await });
        }
        Ok(Verdict::Again(LOOK_AGAIN))
    }
}
