//! A real SMTP server and the mails it was given.

use std::{
    io::{BufRead, BufReader},
    path::PathBuf,
    process::Stdio,
    time::{Duration, Instant},
};

use anyhow::Context;

use crate::child::{Guarded, python, root, scratch};

/// An SMTP server that keeps what it is given.
pub struct Mailbox {
    port: u16,
    folder: PathBuf,
    _server: Guarded,
}

/// A mail as it came in.
#[derive(Clone, Debug)]
pub struct Mail(String);

impl Mailbox {
    /// Starts the server.
    pub fn start() -> anyhow::Result<Self> {
        let folder = scratch()?;
        let mut server = python()
            .arg(root().join("tests/smtp/sink.py"))
            .arg(&folder)
            .stdout(Stdio::piped())
            .spawn()
            .context("starting the SMTP server; `make test` fetches what it needs")?;
        let output = server.stdout.take().context("its output")?;
        let server = Guarded(server);
        let mut line = String::new();
        BufReader::new(output).read_line(&mut line)?;
        let port = line.trim().parse().context("the SMTP server did not start")?;
        Ok(Self { port, folder, _server: server })
    }

    /// Its address for `SMTP_URL`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("smtp://127.0.0.1:{}", self.port)
    }

    /// From now on it takes mails without saying so, until [`Mailbox::answer`].
    pub fn stall(&self) -> anyhow::Result<()> {
        Ok(std::fs::write(self.folder.join("stall"), "")?)
    }

    /// It answers again.
    pub fn answer(&self) -> anyhow::Result<()> {
        Ok(std::fs::remove_file(self.folder.join("stall"))?)
    }

    /// All mails so far, in order.
    pub fn mails(&self) -> anyhow::Result<Vec<Mail>> {
        let mut files: Vec<PathBuf> = std::fs::read_dir(&self.folder)?
            .filter_map(|entry| entry.ok().map(|entry| entry.path()))
            .filter(|path| path.extension().is_some_and(|extension| extension == "eml"))
            .filter(|path| path.file_name().is_none_or(|name| name.as_encoded_bytes()[0] != b'.'))
            .collect();
        files.sort();
        files
            .iter()
            .map(|file| Ok(Mail(String::from_utf8_lossy(&std::fs::read(file)?).into_owned())))
            .collect()
    }

    /// Waits for the first mail to an address.
    pub async fn mail_to(&self, address: &str) -> anyhow::Result<Mail> {
        self.find(address, |_| true).await
    }

    /// Waits for the first mail to an address with a subject.
    pub async fn mail_about(&self, address: &str, subject: &str) -> anyhow::Result<Mail> {
        self.find(address, |mail| mail.header("Subject") == Some(subject)).await
    }

    async fn find(&self, address: &str, is_it: impl Fn(&Mail) -> bool) -> anyhow::Result<Mail> {
        let began = Instant::now();
        loop {
            let mut mails = self.mails()?.into_iter();
            if let Some(mail) = mails.find(|mail| mail.is_to(address) && is_it(mail)) {
                return Ok(mail);
            }
            anyhow::ensure!(began.elapsed() < Duration::from_mins(1), "no mail to {address}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

impl Drop for Mailbox {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

impl Mail {
    /// Whether it goes to an address.
    #[must_use]
    pub fn is_to(&self, address: &str) -> bool {
        self.header("To").is_some_and(|to| to.contains(address))
    }

    /// A header on one line.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let headers = self.0.lines().take_while(|line| !line.is_empty());
        headers
            .filter_map(|line| line.split_once(": "))
            .find_map(|(header, value)| header.eq_ignore_ascii_case(name).then_some(value))
    }

    /// The token of the link in it.
    #[must_use]
    pub fn token(&self) -> Option<String> {
        let text = self.text();
        let rest = text.split("token=").nth(1)?;
        let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_' && c != '-')?;
        Some(rest[..end].to_owned())
    }

    /// All of it, decoded as far as tests need.
    #[must_use]
    pub fn text(&self) -> String {
        // Quoted-printable: a line that goes on ends in `=`, and `=` itself is `=3D`.
        self.0.replace("=\r\n", "").replace("=\n", "").replace("=3D", "=")
    }
}
