//! One private server: how it runs, how it ends.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::Stdio,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::Context;
use rustix::process::{Pid, Signal, kill_process};
use tokio::{
    process::{Child, Command},
    sync::{Notify, watch},
    time::timeout,
};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::processes;

const SHORTEST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// A server that ran this long was fine; the next pause is a short one again.
const HEALTHY: Duration = Duration::from_secs(30);

/// What it takes to run a server of ours.
pub(super) struct Server {
    /// What its process and its log file are called.
    pub(super) name: &'static str,
    /// What runs it, in the foreground.
    pub(super) command: Command,
    /// The folder it works in; every process of its name in there is its.
    pub(super) folder: PathBuf,
    /// Where its output goes.
    pub(super) log: PathBuf,
    /// Where it writes its process id: a wrapper may stand between it and us.
    pub(super) pid_files: Vec<PathBuf>,
    /// What makes it end in good order.
    pub(super) end_signal: Signal,
    /// How long that may take.
    pub(super) patience: Duration,
    /// After how many ends by itself to leave it; unset: never.
    pub(super) give_up_after: Option<u32>,
}

impl Server {
    /// Runs it, again and again if need be, until told to stop; counts how often it ended by itself
    /// or was told to start `anew`.
    pub(super) async fn keep_running(
        mut self,
        stop: CancellationToken,
        anew: Arc<Notify>,
        ends: watch::Sender<u32>,
    ) {
        let mut pause = SHORTEST_PAUSE;
        while !stop.is_cancelled() {
            let started = Instant::now();
            let outcome = self.run_once(&stop, &anew).await;
            if stop.is_cancelled() {
                break;
            }
            ends.send_modify(|count| *count += 1);
            let how = match outcome {
                Ok(status) => status,
                Err(error) => format!("{error:#}"),
            };
            let log = self.log.display();
            if self.give_up_after.is_some_and(|limit| *ends.borrow() >= limit) {
                warn!(server = self.name, %how, %log, "ended again, leaving it");
                return;
            }
            if started.elapsed() > HEALTHY {
                pause = SHORTEST_PAUSE;
            }
            warn!(server = self.name, %how, %log, ?pause, "ended, starting it again");
            drop(timeout(pause, stop.cancelled()).await);
            pause = LONGEST_PAUSE.min(pause * 2);
        }
        info!(server = self.name, "stopped");
    }

    /// Runs it until it ends or is told to; says how it ended.
    async fn run_once(
        &mut self,
        stop: &CancellationToken,
        anew: &Notify,
    ) -> anyhow::Result<String> {
        processes::end_all(self.name, &self.folder).await?;
        for file in &self.pid_files {
            processes::remove_foreign_pid_file(file, self.name, &self.folder)?;
        }
        let mut child = self.spawn().context("starting it")?;
        tokio::select! {
            status = child.wait() => Ok(status?.to_string()),
            () = stop.cancelled() => self.end(&mut child).await.map(|()| "stopped".to_owned()),
            () = anew.notified() => self.end(&mut child).await.map(|()| "told to".to_owned()),
        }
    }

    fn spawn(&mut self) -> anyhow::Result<Child> {
        let output = File::options().create(true).append(true).open(&self.log)?;
        self.command
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output)
            .kill_on_drop(true);
        self.command
            .spawn()
            .with_context(|| self.command.as_std().get_program().display().to_string())
    }

    async fn end(&self, child: &mut Child) -> anyhow::Result<()> {
        if let Some(pid) = self.pid(child)
            && let Err(error) = kill_process(pid, self.end_signal)
        {
            warn!(server = self.name, %error, "cannot ask it to end");
        }
        if timeout(self.patience, child.wait()).await.is_err() {
            warn!(server = self.name, "does not end, killing it");
            child.kill().await?;
            processes::end_all(self.name, &self.folder).await?;
        }
        Ok(())
    }

    /// The server itself, which may be a child of our child.
    fn pid(&self, child: &Child) -> Option<Pid> {
        let written = self.pid_files.iter().find_map(|file| read_pid(file));
        let own = written.filter(|pid| processes::is_ours(*pid, self.name, &self.folder));
        own.or_else(|| child.id().and_then(|id| Pid::from_raw(id.try_into().ok()?)))
    }
}

/// Reads the first line of a file with a process id.
pub(super) fn read_pid(file: &Path) -> Option<Pid> {
    let text = fs::read_to_string(file).ok()?;
    Pid::from_raw(text.lines().next()?.trim().parse().ok()?)
}
