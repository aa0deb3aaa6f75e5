//! Processes that a predecessor of ours may have left, found by the folder they work in.

use std::{
    fs,
    os::unix::fs::MetadataExt,
    path::Path,
    time::{Duration, Instant},
};

use anyhow::{Context, ensure};
use rustix::process::{Pid, Signal, kill_process, test_kill_process};
use tokio::time::sleep;
use tracing::{debug, warn};

use super::server::read_pid;

/// The children of a server that was killed end by themselves: so long they may take.
const SHORTEST: Duration = Duration::from_millis(500);
const LONGEST: Duration = Duration::from_secs(10);

/// Kills every process of that name that works in the folder, and waits until they are gone. The data
/// folder's lock is ours, so whatever works there has lost its master.
pub(super) async fn end_all(name: &str, folder: &Path) -> anyhow::Result<()> {
    let begun = Instant::now();
    loop {
        let left = all(name, folder);
        if left.is_empty() {
            return Ok(());
        }
        ensure!(begun.elapsed() < LONGEST, "cannot end the processes {left:?}");
        if begun.elapsed() > SHORTEST {
            warn!(name, ?left, "killing what a predecessor left");
            left.into_iter().for_each(kill);
        }
        sleep(Duration::from_millis(20)).await;
    }
}

/// It may have ended meanwhile; whether it has is looked at again.
fn kill(pid: Pid) {
    if let Err(error) = kill_process(pid, Signal::KILL) {
        debug!(?pid, %error, "not killed");
    }
}

/// Removes a pid file that names a living process of somebody else: after a restart of the machine the
/// number may have been given away, and Postgres would take that one for a Postgres.
pub(super) fn remove_foreign_pid_file(
    file: &Path,
    name: &str,
    folder: &Path,
) -> anyhow::Result<()> {
    match read_pid(file) {
        Some(pid) if test_kill_process(pid).is_ok() && !is_ours(pid, name, folder) => {
            fs::remove_file(file).with_context(|| format!("removing the stale {}", file.display()))
        }
        _ => Ok(()),
    }
}

/// Says whether the process has that name and works in that folder. The name matters: somebody's shell
/// may be there too.
pub(super) fn is_ours(pid: Pid, name: &str, folder: &Path) -> bool {
    let process = Path::new("/proc").join(pid.as_raw_nonzero().to_string());
    if fs::read_to_string(process.join("comm")).ok().as_deref().map(str::trim_end) != Some(name) {
        return false;
    }
    let current = fs::metadata(process.join("cwd"));
    let (Ok(current), Ok(folder)) = (current, fs::metadata(folder)) else { return false };
    (current.dev(), current.ino()) == (folder.dev(), folder.ino())
}

fn all(name: &str, folder: &Path) -> Vec<Pid> {
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    entries
        .flatten()
        .filter_map(|entry| Pid::from_raw(entry.file_name().to_str()?.parse().ok()?))
        .filter(|pid| is_ours(*pid, name, folder))
        .collect()
}
