//! What every handler may use.

use std::{
    sync::{Arc, Mutex},
    time::Instant,
};

use chrono::{DateTime, Utc};
use commands::Commands;
use eventlog::{Broker, KeptHead};
use metrics_exporter_prometheus::PrometheusHandle;
use projections::Queries;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{Network, admin::Verifier, idempotency::Recordings, metric::Requests};

/// What every handler may use; clone it freely.
#[derive(Clone)]
pub struct App {
    /// Everything that changes anything.
    pub(crate) commands: Commands,
    /// What the read models know.
    pub(crate) queries: Queries,
    /// Requests so far.
    pub(crate) requests: Arc<Requests>,
    /// The machine, as last looked at, where it can be looked at.
    pub(crate) machine: Arc<Mutex<Option<sysinfo::System>>>,
    /// Requests that go on without their clients.
    pub(crate) tasks: TaskTracker,
    /// Streams that can be joined.
    pub(crate) recordings: Recordings,
    /// The check of the log that runs, or ran last.
    pub(crate) verifier: Arc<Verifier>,
    setup: Arc<Setup>,
    started: Instant,
}

/// What the operator decides about the HTTP side, and what only it needs.
pub struct Setup {
    /// The version to tell.
    pub version: &'static str,
    /// What a scraper of `/metrics` shows instead of an administrator's login.
    pub metrics_token: Option<String>,
    /// Networks of proxies whose `X-Forwarded-For` counts.
    pub trusted_proxies: Vec<Network>,
    /// The connection whose health is told; none where the process has none.
    pub broker: Option<Broker>,
    /// Where the newest tree head is kept outside of the database.
    pub kept_head: KeptHead,
    /// Renders the metrics of this process.
    pub prometheus: PrometheusHandle,
    /// Ends streams and waiting requests.
    pub shutdown: CancellationToken,
}

impl App {
    /// Puts together what handlers use.
    #[must_use]
    pub fn new(commands: Commands, queries: Queries, setup: Setup) -> Self {
        Self {
            commands,
            queries,
            requests: Arc::default(),
            machine: Arc::new(Mutex::new(sysinfo::System::new().ok())),
            tasks: TaskTracker::new(),
            recordings: Recordings::default(),
            verifier: Arc::default(),
            setup: Arc::new(setup),
            started: Instant::now(),
        }
    }

    pub(crate) fn setup(&self) -> &Setup {
        &self.setup
    }

    pub(crate) fn now(&self) -> DateTime<Utc> {
        self.commands.clock().now()
    }

    pub(crate) fn uptime_seconds(&self) -> u64 {
        self.started.elapsed().as_secs()
    }
}
