//! The servers around the program: Postgres, NATS and a small model, private ones unless others are named.

mod folder;
mod leash;
mod model;
mod nats;
mod nursery;
mod postgres;
mod processes;
mod programs;
mod server;
mod watch;

use std::sync::Arc;

use anyhow::{Context, anyhow};
use tokio::{sync::Notify, task::JoinSet};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use self::{
    folder::Folder,
    leash::Leash,
    nursery::{Child, Nursery},
};
use crate::config::{Config, Programs};

pub(crate) use watch::look_after;

/// What the roles talk to. The private servers among it run until `stop`, whatever becomes of the roles.
pub(crate) struct Embedded {
    database_url: String,
    nats_url: String,
    local_model_url: Option<String>,
    postgres: Option<Child>,
    nats: Option<Child>,
    model: Option<Child>,
    tasks: JoinSet<()>,
    site: Site,
}

/// What every private server needs to be started.
struct Site {
    folder: Folder,
    programs: Programs,
    leash: Leash,
    nursery: Nursery,
}

impl Embedded {
    /// Starts a private server for each address that the configuration leaves open, the model too.
    pub(crate) async fn start(
        config: &Config,
        shutdown: &CancellationToken,
    ) -> anyhow::Result<Self> {
        let mut embedded = Self::start_servers(config, shutdown).await?;
        if config.local_model
            && !config.providers.any_is_configured()
            && let Err(error) = embedded.start_model().await
        {
            warn!("no local model, chat needs a provider key: {error:#}");
        }
        Ok(embedded)
    }

    /// For commands beside `serve`: the servers of the program that runs in this data folder; if none
    /// does, like `start`, without the model.
    pub(crate) async fn reach(
        config: &Config,
        shutdown: &CancellationToken,
    ) -> anyhow::Result<Self> {
        let mut embedded = Self::external(config).await?;
        if !needs_servers(config) || embedded.site.folder.try_lock()? {
            drop(embedded);
            return Self::start_servers(config, shutdown).await;
        }
        let folder = &embedded.site.folder;
        if config.database_url.is_none() {
            embedded.database_url = postgres::url(&folder.sockets()?, "annals")?;
        }
        if config.nats_url.is_none() {
            embedded.nats_url = nats::running_url(folder)?;
        }
        Ok(embedded)
    }

    /// The address of the log and the read models.
    pub(crate) fn database_url(&self) -> &str {
        &self.database_url
    }

    /// The address of the broker, credentials included.
    pub(crate) fn nats_url(&self) -> &str {
        &self.nats_url
    }

    /// What starts the private NATS anew, if there is one.
    pub(crate) fn nats_anew(&self) -> Option<Arc<Notify>> {
        self.nats.as_ref().map(Child::anew)
    }

    /// The base URL of the local model, in the `OpenAI` dialect, if there is one; it may still be loading.
    pub(crate) fn local_model_url(&self) -> Option<&str> {
        self.local_model_url.as_deref()
    }

    /// Stops what was started; to be called when the roles are done.
    pub(crate) async fn stop(mut self) {
        self.tasks.shutdown().await;
        let started = self.model.is_some() || self.nats.is_some() || self.postgres.is_some();
        for child in [self.model, self.nats, self.postgres].into_iter().flatten() {
            child.stop().await;
        }
        if started {
            self.site.folder.leave();
        }
    }

    async fn start_servers(config: &Config, shutdown: &CancellationToken) -> anyhow::Result<Self> {
        let mut embedded = Self::external(config).await?;
        if !needs_servers(config) {
            return Ok(embedded);
        }
        embedded.site.folder.lock()?;
        let started = tokio::select! {
            started = embedded.fill_in(config) => started,
            () = shutdown.cancelled() => Err(anyhow!("stopped while starting")),
        };
        match started {
            Ok(()) => Ok(embedded),
            Err(error) => {
                embedded.stop().await;
                Err(error)
            }
        }
    }

    /// Knows what the configuration names, and nothing is started yet.
    async fn external(config: &Config) -> anyhow::Result<Self> {
        Ok(Self {
            database_url: config.database_url.clone().unwrap_or_default(),
            nats_url: config.nats_url.clone().unwrap_or_default(),
            local_model_url: None,
            postgres: None,
            nats: None,
            model: None,
            tasks: JoinSet::new(),
            site: Site {
                folder: Folder::open(&config.data_dir)?,
                programs: config.programs.clone(),
                leash: Leash::find(&config.programs).await,
                nursery: Nursery::new()?,
            },
        })
    }

    /// Starts the servers that have no address yet; both get ready at the same time.
    async fn fill_in(&mut self, config: &Config) -> anyhow::Result<()> {
        if config.nats_url.is_none() {
            let (child, url) = nats::start(&self.site)?;
            self.nats = Some(child);
            self.nats_url = url;
        }
        if config.database_url.is_none() {
            let (child, url) = postgres::start(&self.site).await?;
            let child = self.postgres.insert(child);
            self.database_url = url;
            postgres::wait_ready(&self.site.folder, child).await.context("the private Postgres")?;
            info!("private Postgres is ready");
        }
        if let Some(child) = &self.nats {
            nats::wait_ready(&self.nats_url, child).await.context("the private nats-server")?;
            info!("private nats-server is ready");
        }
        Ok(())
    }

    async fn start_model(&mut self) -> anyhow::Result<()> {
        self.site.folder.lock()?;
        let (child, url) = model::start(&self.site).await?;
        self.tasks.spawn(model::announce(child.life().clone(), url.clone()));
        self.model = Some(child);
        self.local_model_url = Some(url);
        Ok(())
    }
}

fn needs_servers(config: &Config) -> bool {
    config.database_url.is_none() || config.nats_url.is_none()
}
