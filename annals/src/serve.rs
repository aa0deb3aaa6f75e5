//! `annals serve`: starts the servers and the roles, and stops all of it in order.

use std::{sync::Arc, time::Duration};

use anyhow::Context;
use api::App;
use commands::Drive;
use eventlog::KeptHead;
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use tokio::{net::TcpListener, sync::mpsc, task::JoinSet};
use tokio_util::sync::CancellationToken;
use workers::{
    Eraser, Relay, Sealer,
    agent::Agent,
    mail::{MailWorker, Post},
    sms::{Carrier, SmsWorker},
};

use crate::{
    cli::Role,
    config::Config,
    embedded::{self, Embedded},
    first_admin, keeping, master_key, ready,
    system::System,
};

/// How long the roles may take to finish what they have in hand.
const FAREWELL: Duration = Duration::from_secs(10);
/// Bounds of the histograms of durations, in seconds.
const SECONDS: [f64; 12] =
    [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 30.0];
/// Bounds of the histogram of commands in a batch.
const COMMANDS: [f64; 9] = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 512.0];
/// How often histograms are drained.
const UPKEEP: Duration = Duration::from_secs(5);
/// Runs that wait for this process's agent at most.
const RUNS: usize = 1024;

/// Serves until somebody asks for an end.
pub(crate) async fn serve(
    config: &Config,
    role: Role,
    shutdown: &CancellationToken,
) -> anyhow::Result<()> {
    let listener = TcpListener::bind(config.listen)
        .await
        .with_context(|| format!("listening on {} (ANNALS_LISTEN)", config.listen))?;
    let embedded = Embedded::start(config, shutdown).await?;
    let outcome = play(config, role, &embedded, listener, shutdown).await;
    shutdown.cancel();
    embedded.stop().await;
    outcome
}

/// Plays the roles of this process until one of them fails or the end is asked for.
async fn play(
    config: &Config,
    role: Role,
    embedded: &Embedded,
    listener: TcpListener,
    shutdown: &CancellationToken,
) -> anyhow::Result<()> {
    let (sender, drives) = mpsc::channel(RUNS);
    let local_agent = role.has_workers().then_some(sender);
    let master = master_key::load(config)?;
    let system = System::open(config, embedded, &master, local_agent).await?;
    system.log.assert_readable().await?;
    if let Err(error) = system.log.finish_archiving().await {
        tracing::error!(error = format!("{error:#}"), "an archive that was cut off waits");
    }
    let admin = first_admin::ensure(config, &system.commands).await?;
    let mut roles = JoinSet::new();
    if role.has_projections() {
        start_projections(&mut roles, &system, shutdown);
    }
    if role.has_workers() {
        let (log, keep) = (system.log.clone(), config.retention.clone());
        roles.spawn(keeping::run(log, keep, shutdown.clone()));
        start_workers(&mut roles, config, &system, drives, shutdown)?;
        if let Some(anew) = embedded.nats_anew() {
            let (log, broker) = (system.log.clone(), system.broker.clone());
            roles.spawn(embedded::look_after(anew, log, broker, shutdown.clone()));
        }
    }
    if role.has_api() {
        start_api(&mut roles, listener, config, &system, shutdown)?;
    }
    ready::announce(config, &system, embedded, admin.as_ref());
    let outcome = tokio::select! {
        () = shutdown.cancelled() => Ok(()),
        Some(ended) = roles.join_next() => match ended {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(error.context("a role ended")),
            Err(panic) => Err(anyhow::Error::new(panic).context("a role panicked")),
        },
    };
    shutdown.cancel();
    dismiss(roles).await;
    let _ = tokio::time::timeout(FAREWELL, system.log.pool().close()).await;
    outcome
}

/// Lets the roles finish what they have in hand.
async fn dismiss(mut roles: Roles) {
    let farewell = async { while roles.join_next().await.is_some() {} };
    if tokio::time::timeout(FAREWELL, farewell).await.is_err() {
        tracing::warn!("some work did not end in time; it goes on at the next start");
    }
}

type Roles = JoinSet<anyhow::Result<()>>;

fn start_projections(roles: &mut Roles, system: &System, shutdown: &CancellationToken) {
    roles.spawn(projections::run(system.log.clone(), system.broker.clone(), shutdown.clone()));
}

fn start_api(
    roles: &mut Roles,
    listener: TcpListener,
    config: &Config,
    system: &System,
    shutdown: &CancellationToken,
) -> anyhow::Result<()> {
    let setup = api::Setup {
        version: env!("CARGO_PKG_VERSION"),
        metrics_token: config.metrics_token.clone(),
        kept_head: kept_head(config),
        trusted_proxies: config.trusted_proxies.clone(),
        broker: Some(system.broker.clone()),
        prometheus: count(roles, shutdown)?,
        shutdown: shutdown.clone(),
    };
    let uses = system.commands.clone().keep_uses(shutdown.clone());
    roles.spawn(async move {
        uses.await;
        Ok(())
    });
    let app = App::new(system.commands.clone(), system.queries.clone(), setup);
    roles.spawn(api::serve(listener, app, shutdown.clone()));
    Ok(())
}

/// Installs the counters of this process and keeps them small.
fn count(roles: &mut Roles, shutdown: &CancellationToken) -> anyhow::Result<PrometheusHandle> {
    let handle = PrometheusBuilder::new()
        .set_buckets(&SECONDS)
        .context("choosing buckets")?
        .set_buckets_for_metric(Matcher::Suffix("_commands".to_owned()), &COMMANDS)
        .context("choosing buckets")?
        .install_recorder()
        .context("installing the counters")?;
    let (upkept, shutdown) = (handle.clone(), shutdown.clone());
    roles.spawn(async move {
        let mut tick = tokio::time::interval(UPKEEP);
        while shutdown.run_until_cancelled(tick.tick()).await.is_some() {
            upkept.run_upkeep();
        }
        Ok(())
    });
    Ok(handle)
}

fn start_workers(
    roles: &mut Roles,
    config: &Config,
    system: &System,
    drives: mpsc::Receiver<Drive>,
    shutdown: &CancellationToken,
) -> anyhow::Result<()> {
    let System { log, broker, commands, providers, .. } = system.clone();
    let from = mail_from(&config.public_url);
    let post = match &config.smtp_url {
        Some(url) => Post::smtp(url, &from)?,
        None => Post::files(config.data_dir.join("mail"), &from)?,
    };
    let sealer = Sealer::new(log.clone(), commands.node(), kept_head(config));
    let relay = Relay::new(log, broker.clone(), commands.node());
    let post = Arc::new(post);
    let carrier = Arc::new(match &config.twilio {
        Some(twilio) => Carrier::twilio(twilio.clone())?,
        None => Carrier::files(config.data_dir.join("mail"))?,
    });
    start_sms(roles, system, Arc::clone(&carrier), shutdown);
    let mail = MailWorker::new(commands.clone(), Arc::clone(&post));
    let eraser = Eraser::new(commands.clone(), system.queries.clone(), post, carrier);
    let stop_eraser = shutdown.clone();
    roles.spawn(async move {
        eraser.run(stop_eraser).await;
        Ok(())
    });
    let (to_aftermath, stop_aftermath) = (broker.clone(), shutdown.clone());
    let aftermath = workers::end_what_died(commands.clone(), to_aftermath, stop_aftermath);
    roles.spawn(async move {
        aftermath.await;
        Ok(())
    });
    let expiry = workers::expire(commands.clone(), shutdown.clone());
    let agent = Agent::new(commands, providers);
    let (stop_relay, stop_mail) = (shutdown.clone(), shutdown.clone());
    roles.spawn(run_sealer(sealer, shutdown.clone()));
    let (to_mail, to_agent, stop_agent) = (broker.clone(), broker, shutdown.clone());
    roles.spawn(async move {
        expiry.await;
        Ok(())
    });
    roles.spawn(async move {
        relay.run(stop_relay).await;
        Ok(())
    });
    roles.spawn(async move {
        mail.run(to_mail, stop_mail).await;
        Ok(())
    });
    roles.spawn(async move {
        agent.run(drives, to_agent, stop_agent).await;
        Ok(())
    });
    Ok(())
}

fn start_sms(
    roles: &mut Roles,
    system: &System,
    carrier: Arc<Carrier>,
    shutdown: &CancellationToken,
) {
    let sms = SmsWorker::new(system.commands.clone(), carrier);
    let (broker, shutdown) = (system.broker.clone(), shutdown.clone());
    roles.spawn(async move {
        sms.run(broker, shutdown).await;
        Ok(())
    });
}

async fn run_sealer(sealer: Sealer, shutdown: CancellationToken) -> anyhow::Result<()> {
    sealer.run(shutdown).await;
    Ok(())
}

/// The newest tree head stands outside of the database as well.
pub(crate) fn kept_head(config: &Config) -> KeptHead {
    KeptHead::new(config.data_dir.join("tree-head.txt"))
}

/// Mails come from the host that people know this service by.
fn mail_from(public_url: &str) -> String {
    let host = url::Url::parse(public_url).ok().and_then(|url| url.domain().map(str::to_owned));
    format!("Annals <no-reply@{}>", host.as_deref().unwrap_or("localhost"))
}

/// Prints the document of the HTTP interface as YAML.
pub(crate) fn print_openapi() -> anyhow::Result<()> {
    print!("{}", api::openapi().to_yaml().context("writing the document")?);
    Ok(())
}
