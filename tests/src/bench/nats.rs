//! A private nats-server with JetStream, with the settings of the one that Annals runs itself.

use std::{
    fs,
    net::{Ipv4Addr, TcpListener, TcpStream},
    time::{Duration, Instant},
};

use anyhow::ensure;

use super::{
    place::{self, Scratch},
    server::{Server, leashed},
};

const START: Duration = Duration::from_secs(20);

/// A running nats-server; its files go with it.
pub struct Nats {
    server: Server,
    port: u16,
    _folder: Scratch,
}

impl Nats {
    /// Starts one.
    pub async fn start() -> anyhow::Result<Self> {
        let folder = Scratch::on_disk()?;
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port();
        let pid_file = folder.path().join("nats-server.pid");
        // As in annals/src/embedded/nats.rs; JSON is valid in its configuration language.
        let settings = serde_json::json!({
            "server_name": "bench",
            "listen": format!("127.0.0.1:{port}"),
            "pid_file": &pid_file,
            "jetstream": { "store_dir": folder.path(), "sync_interval": "2m" },
            "max_payload": 8 * 1024 * 1024,
        });
        let file = folder.path().join("nats.conf");
        fs::write(&file, settings.to_string())?;
        let mut command = leashed(&place::nats()?)?;
        command.arg("-c").arg(&file);
        let server = Server::start(command, &folder.path().join("nats.log"), pid_file)?;
        let mut nats = Self { server, port, _folder: folder };
        nats.ready().await?;
        Ok(nats)
    }

    /// Its address.
    pub fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    async fn ready(&mut self) -> anyhow::Result<()> {
        let began = Instant::now();
        while TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).is_err() {
            let is_over = self.server.has_ended() || began.elapsed() > START;
            ensure!(!is_over, "nats-server does not start");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Ok(())
    }
}
