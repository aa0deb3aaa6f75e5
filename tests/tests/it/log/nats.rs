//! A real nats-server that tests may kill.

use std::{
    net::TcpListener,
    path::PathBuf,
    process::{Child, Command, Stdio},
};

use anyhow::Context;
use uuid::Uuid;

/// A server with a store of its own; killed and wiped with this value.
pub struct Nats {
    port: u16,
    store: PathBuf,
    server: Option<Child>,
}

impl Nats {
    pub fn start() -> anyhow::Result<Self> {
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let store = std::env::temp_dir().join(format!("annals-nats-{}", Uuid::new_v4().simple()));
        let mut nats = Self { port, store, server: None };
        nats.restart()?;
        Ok(nats)
    }

    pub fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    /// Starts it on what its store holds.
    pub fn restart(&mut self) -> anyhow::Result<()> {
        self.kill();
        let server = Command::new(binary())
            .args(["--addr", "127.0.0.1", "--port", &self.port.to_string(), "--jetstream"])
            .arg("--store_dir")
            .arg(&self.store)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .context("starting nats-server: ANNALS_NATS_BIN, or `tools/fetch servers`")?;
        self.server = Some(server);
        Ok(())
    }

    /// kill -9.
    pub fn kill(&mut self) {
        if let Some(mut server) = self.server.take() {
            let _ = server.kill();
            let _ = server.wait();
        }
    }

    /// Loses all that it stored.
    pub fn wipe(&mut self) -> anyhow::Result<()> {
        self.kill();
        Ok(std::fs::remove_dir_all(&self.store)?)
    }
}

impl Drop for Nats {
    fn drop(&mut self) {
        self.kill();
        let _ = std::fs::remove_dir_all(&self.store);
    }
}

#[expect(clippy::disallowed_methods, reason = "tests have no configuration file")]
fn binary() -> PathBuf {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..");
    let fetched = || root.join(".tools/servers/bin/nats-server");
    std::env::var("ANNALS_NATS_BIN").map_or_else(|_| fetched(), PathBuf::from)
}
