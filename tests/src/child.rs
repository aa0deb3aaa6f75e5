//! Child processes that never outlive the test.

use std::{
    path::{Path, PathBuf},
    process::{Child, Command},
};

use anyhow::Context;

/// A process that is killed when it goes out of scope.
pub struct Guarded(pub Child);

impl Drop for Guarded {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The top folder of the repository.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().map(Path::to_owned).unwrap_or_default()
}

/// A new empty folder with a short name: sockets in it must stay under 108 bytes.
pub fn scratch() -> anyhow::Result<PathBuf> {
    let folder = std::env::temp_dir()
        .join(format!("at-{}", &uuid::Uuid::new_v4().simple().to_string()[..12]));
    std::fs::create_dir(&folder).context("making a scratch folder")?;
    Ok(folder)
}

/// A setting of the test run.
#[expect(clippy::disallowed_methods, reason = "tests have no configuration file")]
pub(crate) fn setting(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// Python that runs a script of ours with the SDKs of model providers and of the vendor.
#[must_use]
pub fn python_with_sdks(script: &str) -> Command {
    let mut command = python();
    command.env("PYTHONPATH", root().join(".tools/sdks")).arg(root().join(script));
    command
}

/// Python that runs a script of ours with nothing but what Python comes with.
#[must_use]
pub fn bare_python(script: &str) -> Command {
    let mut command = python();
    command.env_remove("PYTHONPATH").arg(root().join(script));
    command
}

/// Python with the packages that tests use.
pub(crate) fn python() -> Command {
    let mut command =
        Command::new(setting("ANNALS_PYTHON").unwrap_or_else(|| "python3".to_owned()));
    command.env("PYTHONPATH", root().join(".tools/tests"));
    command
}
