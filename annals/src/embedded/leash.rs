//! How the kernel is told to end a server together with this program, even after kill -9.

use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use tokio::process::Command;
use tracing::warn;

use crate::config::Programs;

/// The user that every system has; `initdb` wants one with a name.
const NOBODY: &str = "65534";

/// The wrapper that servers are started through. Asking the kernel ourselves would take unsafe code.
pub(super) struct Leash {
    by: By,
    bwrap: Option<PathBuf>,
}

enum By {
    Setpriv,
    Bwrap(PathBuf),
    Nothing,
}

impl Leash {
    /// Tries out what this machine has.
    pub(super) async fn find(programs: &Programs) -> Self {
        let bwrap = programs.bwrap().ok();
        let by = if runs(&mut setpriv("true")).await {
            By::Setpriv
        } else if let Some(bwrap) = &bwrap
            && runs(&mut bound(bwrap, "true")).await
        {
            By::Bwrap(bwrap.clone())
        } else {
            warn!("neither setpriv nor bwrap works: kill -9 of annals would leave its servers");
            By::Nothing
        };
        Self { by, bwrap }
    }

    /// A command that ends with this program.
    pub(super) fn command(&self, program: impl AsRef<Path>) -> Command {
        let mut command = match &self.by {
            By::Setpriv => setpriv(program),
            By::Bwrap(bwrap) => bound(bwrap, program),
            By::Nothing => Command::new(program.as_ref()),
        };
        command.process_group(0);
        command
    }

    /// Like `command`, for a program that refuses root: in a user namespace root is `nobody`.
    pub(super) async fn unroot_command(&self, program: &Path) -> anyhow::Result<Command> {
        if !rustix::process::geteuid().is_root() {
            return Ok(self.command(program));
        }
        let bwrap = self.bwrap.as_ref().context(
            "Postgres refuses root and there is no bwrap (ANNALS_BWRAP_BIN): use another user, \
             DATABASE_URL, or run `make run` once",
        )?;
        ensure!(
            runs(&mut unroot(bwrap, Path::new("true"))).await,
            "Postgres refuses root and this machine does not let bwrap make user namespaces: \
             use another user or DATABASE_URL"
        );
        let mut command = unroot(bwrap, program);
        command.process_group(0);
        Ok(command)
    }
}

fn setpriv(program: impl AsRef<Path>) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL", "--"]).arg(program.as_ref());
    command
}

fn bound(bwrap: &Path, program: impl AsRef<Path>) -> Command {
    let mut command = Command::new(bwrap);
    command.args(["--dev-bind", "/", "/", "--die-with-parent", "--"]).arg(program.as_ref());
    command
}

fn unroot(bwrap: &Path, program: &Path) -> Command {
    let mut command = Command::new(bwrap);
    command
        .args(["--dev-bind", "/", "/", "--unshare-user", "--uid", NOBODY, "--gid", NOBODY])
        .args(["--die-with-parent", "--"])
        .arg(program);
    command
}

async fn runs(command: &mut Command) -> bool {
    command.output().await.is_ok_and(|output| output.status.success())
}
