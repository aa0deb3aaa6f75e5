//! Servers that end with the bench, whatever ends it.

use std::{
    fs::{self, File},
    os::unix::{fs::MetadataExt, process::CommandExt},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};

use anyhow::Context;

use super::place;

/// How long a server may take to end in good order.
const PATIENCE: Duration = Duration::from_secs(10);

/// A running server.
pub struct Server {
    child: Child,
    pid_file: PathBuf,
}

impl Server {
    /// Starts it; to be called on the main thread, whose end is the signal for the kernel.
    pub fn start(mut command: Command, log: &Path, pid_file: PathBuf) -> anyhow::Result<Self> {
        let output = File::create(log)?;
        let child = command
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output)
            // Ctrl-C is for the bench, which ends its servers afterwards.
            .process_group(0)
            .spawn()
            .with_context(|| format!("starting {}", command.get_program().display()))?;
        Ok(Self { child, pid_file })
    }

    /// Whether it has ended by itself.
    pub fn has_ended(&mut self) -> bool {
        !matches!(self.child.try_wait(), Ok(None))
    }

    /// The server itself, which may be a child of our child.
    fn pid(&self) -> Option<String> {
        let text = fs::read_to_string(&self.pid_file).ok()?;
        text.lines().next().map(|pid| pid.trim().to_owned())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if !self.has_ended()
            && let Some(pid) = self.pid()
        {
            let _ = Command::new("kill").args(["-INT", &pid]).status();
            let began = Instant::now();
            while !self.has_ended() && began.elapsed() < PATIENCE {
                sleep(Duration::from_millis(20));
            }
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A command that the kernel ends with this program and that is not root.
pub fn leashed(program: &Path) -> anyhow::Result<Command> {
    let is_root = fs::metadata("/proc/self")?.uid() == 0;
    let mut command = if is_root {
        // In a user namespace the same root is user 1000, with the same files.
        let mut command = Command::new(place::bwrap()?);
        command.args(["--dev-bind", "/", "/", "--unshare-user", "--uid", "1000", "--gid", "1000"]);
        command.args(["--die-with-parent", "--"]);
        command
    } else {
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "KILL", "--"]);
        command
    };
    command.arg(program);
    Ok(command)
}
