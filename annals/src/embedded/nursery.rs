//! A thread that starts the servers and keeps them running.
//!
//! The kernel's death signal is tied to the thread that started a child, not to the process; the threads
//! of the main runtime come and go, this one stays as long as a child is there.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
    thread,
    time::Duration,
};

use anyhow::{Context, ensure};
use tokio::{
    runtime::{self, Handle},
    sync::{Notify, watch},
    task::JoinHandle,
    time::sleep,
};
use tokio_util::sync::{CancellationToken, DropGuard};
use tracing::error;

use super::server::Server;

/// Where children are started; ends when it and all of its children are gone.
#[derive(Clone)]
pub(super) struct Nursery {
    handle: Handle,
    _end: Arc<DropGuard>,
}

/// A server that is started again whenever it ends, until it is told to stop.
pub(super) struct Child {
    name: &'static str,
    life: Life,
    stop: CancellationToken,
    anew: Arc<Notify>,
    task: JoinHandle<()>,
    _nursery: Nursery,
}

/// What can be seen of a child from afar.
#[derive(Clone)]
pub(super) struct Life {
    ends: watch::Receiver<u32>,
    log: PathBuf,
}

impl Nursery {
    pub(super) fn new() -> anyhow::Result<Self> {
        let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
        let handle = runtime.handle().clone();
        let end = CancellationToken::new();
        let ended = end.clone();
        thread::Builder::new()
            .name("servers".into())
            .spawn(move || runtime.block_on(ended.cancelled()))
            .context("starting the thread of the servers")?;
        Ok(Self { handle, _end: Arc::new(end.drop_guard()) })
    }

    /// Starts a server and keeps it running.
    pub(super) fn keep(&self, server: Server) -> Child {
        let (name, log) = (server.name, server.log.clone());
        let (stop, anew) = (CancellationToken::new(), Arc::new(Notify::new()));
        let (count, ends) = watch::channel(0);
        let running = server.keep_running(stop.clone(), Arc::clone(&anew), count);
        let task = self.handle.spawn(running);
        Child { name, life: Life { ends, log }, stop, anew, task, _nursery: self.clone() }
    }
}

impl Child {
    /// What can be seen of it.
    pub(super) fn life(&self) -> &Life {
        &self.life
    }

    /// What has it end in good order and start again.
    pub(super) fn anew(&self) -> Arc<Notify> {
        Arc::clone(&self.anew)
    }

    /// Ends it and waits until it has ended.
    pub(super) async fn stop(self) {
        self.stop.cancel();
        if let Err(failure) = self.task.await {
            error!(server = self.name, %failure, "the keeper of a server failed");
        }
    }
}

impl Life {
    /// Asks `ready` for as long as it takes, unless the server ends by itself three times.
    pub(super) async fn wait_ready<F>(&self, ready: impl Fn() -> F) -> anyhow::Result<()>
    where
        F: Future<Output = bool>,
    {
        while !ready().await {
            ensure!(
                *self.ends.borrow() < 3,
                "does not start; {} ends with:\n{}",
                self.log.display(),
                last_lines(&self.log)
            );
            sleep(Duration::from_millis(50)).await;
        }
        Ok(())
    }
}

fn last_lines(log: &Path) -> String {
    let text = fs::read(log).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(10)..].join("\n")
}
