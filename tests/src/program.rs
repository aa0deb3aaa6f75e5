//! The real program, in a data folder of its own.

use std::{
    collections::BTreeMap,
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, ensure};
use reqwest::{Client, RequestBuilder, Response};
use serde_json::Value;

use crate::child::{Guarded, root, scratch, setting};

/// How long a start may take, a first one with its own Postgres included.
const START: Duration = Duration::from_secs(90);

const DATABASE: &str = "DATABASE_URL";
const NATS: &str = "NATS_URL";

/// What a test wants of the program.
#[derive(Default)]
pub struct Setup {
    environment: BTreeMap<String, String>,
    is_embedded: bool,
}

/// The program under test.
pub struct Program {
    url: String,
    data: PathBuf,
    environment: BTreeMap<String, String>,
    child: Option<Guarded>,
    client: Client,
}

impl Setup {
    /// Sets an environment variable of the program.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.environment.insert(name.to_owned(), value.into());
        self
    }

    /// The program runs a Postgres of its own, as on a newcomer's machine.
    #[must_use]
    pub fn embedded(mut self) -> Self {
        self.is_embedded = true;
        self
    }

    /// Starts the program and waits until it is ready.
    pub async fn start(self) -> anyhow::Result<Program> {
        let mut program = self.prepare().await?;
        program.restart().await?;
        Ok(program)
    }

    /// Makes all that the program needs, and does not start it.
    pub async fn prepare(self) -> anyhow::Result<Program> {
        let mut environment = self.environment;
        let address = format!("127.0.0.1:{}", free_port()?);
        let data = scratch()?;
        for (name, value) in [
            ("ANNALS_LISTEN", &*address),
            ("ANNALS_DATA_DIR", &data.to_string_lossy()),
            ("ANNALS_LOCAL_MODEL", "off"),
            ("ANNALS_REGISTRATION_LIMIT", "off"),
            ("RUST_LOG", "info"),
        ] {
            environment.entry(name.to_owned()).or_insert_with(|| value.to_owned());
        }
        let is_own = self.is_embedded || environment.contains_key(DATABASE);
        if !is_own && let Some(database) = database().await? {
            environment.insert(DATABASE.to_owned(), database);
        }
        let url = format!("http://{address}");
        let client = Client::builder().timeout(Duration::from_mins(1)).build()?;
        Ok(Program { url, data, environment, child: None, client })
    }
}

impl Program {
    /// Its address.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Its data folder.
    #[must_use]
    pub fn data(&self) -> &Path {
        &self.data
    }

    /// The address of its database, where it does not run one itself.
    #[must_use]
    pub fn database(&self) -> Option<&str> {
        self.environment.get(DATABASE).map(String::as_str)
    }

    /// The address of its database, its own Postgres included.
    #[must_use]
    pub fn database_url(&self) -> String {
        let own = || format!("postgres://annals@localhost/annals?host={}/run", self.data.display());
        self.database().map_or_else(own, str::to_owned)
    }

    /// The address of its NATS server, its own included.
    pub fn nats_url(&self) -> anyhow::Result<String> {
        match self.environment.get(NATS) {
            Some(url) => Ok(url.clone()),
            None => Ok(std::fs::read_to_string(self.data.join("nats/url"))?),
        }
    }

    /// The key that protects all that it stores, in base64.
    pub fn master_key(&self) -> anyhow::Result<String> {
        Ok(std::fs::read_to_string(self.data.join("master.key"))?.trim().to_owned())
    }

    /// Another process of the same service: the same database, broker, keys and settings.
    pub fn twin(&self) -> anyhow::Result<Setup> {
        let mut environment = self.environment.clone();
        environment.retain(|name, _| name != "ANNALS_LISTEN" && name != "ANNALS_DATA_DIR");
        environment.insert(DATABASE.to_owned(), self.database_url());
        environment.insert(NATS.to_owned(), self.nats_url()?);
        environment.insert("ANNALS_MASTER_KEY".to_owned(), self.master_key()?);
        Ok(Setup { environment, is_embedded: false })
    }

    /// The process id of the running program.
    #[must_use]
    pub fn id(&self) -> Option<u32> {
        self.child.as_ref().map(|child| child.0.id())
    }

    /// Starts it again, whatever became of it, and waits until it is ready.
    pub async fn restart(&mut self) -> anyhow::Result<()> {
        self.kill();
        let log = std::fs::File::options()
            .create(true)
            .append(true)
            .open(self.data.with_extension("log"))?;
        let child = self
            .command(&["serve"])?
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .context("starting the program")?;
        self.child = Some(Guarded(child));
        self.ready().await
    }

    /// kill -9.
    pub fn kill(&mut self) {
        self.child = None;
    }

    /// Asks it to stop, and waits until it has.
    pub async fn stop(&mut self) -> anyhow::Result<()> {
        let mut child = self.child.take().context("it does not run")?;
        signal("INT", child.0.id())?;
        let began = Instant::now();
        while child.0.try_wait()?.is_none() {
            ensure!(began.elapsed() < Duration::from_secs(30), "it does not stop");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Ok(())
    }

    /// Runs another command of the program on the same data.
    pub fn run(&self, arguments: &[&str]) -> anyhow::Result<Output> {
        self.command(arguments)?.output().context("running the program")
    }

    /// Begins another command of the program on the same data; what it says on stderr can be read.
    pub fn begin(&self, arguments: &[&str]) -> anyhow::Result<Child> {
        let mut command = self.command(arguments)?;
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        command.spawn().context("starting the program")
    }

    /// Sends a signal, by its name.
    pub fn signal(&self, name: &str) -> anyhow::Result<()> {
        signal(name, self.id().context("it does not run")?)
    }

    /// Runs a command of the program that needs no data, without any environment.
    pub fn run_bare(&self, arguments: &[&str]) -> anyhow::Result<Output> {
        let mut command = Command::new(binary()?);
        command.args(arguments).current_dir(&self.data).env_clear();
        command.output().context("running the program")
    }

    /// What it has printed so far.
    #[must_use]
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.data.with_extension("log")).unwrap_or_default()
    }

    /// A GET request.
    pub fn get(&self, path: &str) -> RequestBuilder {
        self.client.get(format!("{}{path}", self.url))
    }

    /// A POST request with a JSON body.
    pub fn post(&self, path: &str, body: &Value) -> RequestBuilder {
        self.client.post(format!("{}{path}", self.url)).json(body)
    }

    /// A POST request with a form.
    pub fn post_form(&self, path: &str, form: String) -> RequestBuilder {
        let content_type = "application/x-www-form-urlencoded";
        self.client
            .post(format!("{}{path}", self.url))
            .header("content-type", content_type)
            .body(form)
    }

    /// A PUT request with a JSON body.
    pub fn put(&self, path: &str, body: &Value) -> RequestBuilder {
        self.client.put(format!("{}{path}", self.url)).json(body)
    }

    /// A PATCH request with a JSON body.
    pub fn patch(&self, path: &str, body: &Value) -> RequestBuilder {
        self.client.patch(format!("{}{path}", self.url)).json(body)
    }

    /// A DELETE request.
    pub fn delete(&self, path: &str) -> RequestBuilder {
        self.client.delete(format!("{}{path}", self.url))
    }

    fn command(&self, arguments: &[&str]) -> anyhow::Result<Command> {
        let binary = binary()?;
        let mut command = Command::new(binary);
        command.args(arguments).current_dir(root()).env_remove("DATABASE_URL");
        for name in ["ANTHROPIC", "LLAMA", "OPENAI"] {
            command.env_remove(format!("{name}_API_KEY")).env_remove(format!("{name}_BASE_URL"));
        }
        command.envs(&self.environment);
        Ok(command)
    }

    async fn ready(&mut self) -> anyhow::Result<()> {
        let began = Instant::now();
        loop {
            if let Ok(answer) = self.get("/ready").send().await
                && answer.status().is_success()
            {
                return Ok(());
            }
            let ended = match &mut self.child {
                Some(child) => child.0.try_wait()?,
                None => None,
            };
            ensure!(ended.is_none(), "the program ended:\n{}", self.log());
            ensure!(began.elapsed() < START, "the program is not ready:\n{}", self.log());
            tokio::time::sleep(Duration::from_millis(30)).await;
        }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        self.kill();
        if std::thread::panicking() {
            eprintln!("--- what the program printed ---\n{}", self.log());
        }
        let _ = std::fs::remove_dir_all(&self.data);
        let _ = std::fs::remove_file(self.data.with_extension("log"));
    }
}

/// Sends a signal to a process.
pub fn signal(name: &str, process: u32) -> anyhow::Result<()> {
    let arguments = [format!("-{name}"), process.to_string()];
    let is_sent = Command::new("kill").args(&arguments).status()?.success();
    ensure!(is_sent, "kill {}", arguments.join(" "));
    Ok(())
}

/// Reads an answer's JSON, or fails with all that is known of it.
pub async fn json(answer: Response, expected: u16) -> anyhow::Result<Value> {
    let status = answer.status().as_u16();
    let text = answer.text().await?;
    ensure!(status == expected, "expected {expected}, got {status}: {text}");
    serde_json::from_str(&text).with_context(|| format!("not JSON: {text}"))
}

/// A database of its own in the cluster of the test run, if there is one.
async fn database() -> anyhow::Result<Option<String>> {
    let Some(cluster) = setting("ANNALS_TEST_CLUSTER") else { return Ok(None) };
    let name = format!("t_{}", uuid::Uuid::new_v4().simple());
    let pool = sqlx::PgPool::connect(&cluster).await.context("the cluster of the test run")?;
    sqlx::query(sqlx::AssertSqlSafe(format!("create database {name}"))).execute(&pool).await?;
    pool.close().await;
    Ok(Some(cluster.replacen("/annals", &format!("/{name}"), 1)))
}

fn free_port() -> anyhow::Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

/// The program beside the test's own binary.
fn binary() -> anyhow::Result<PathBuf> {
    if let Some(binary) = setting("ANNALS_BINARY") {
        return Ok(binary.into());
    }
    let test = std::env::current_exe()?;
    let folder = test.parent().and_then(Path::parent).context("a test's binary has a folder")?;
    let binary = folder.join("annals");
    ensure!(binary.exists(), "first: cargo build -p annals");
    Ok(binary)
}
