//! What is done so that nothing is kept for longer than it should be: months of technical data, and
//! rows about what workers did.

use std::{io::Write, time::Duration};

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use domain::Retention;
use eventlog::{EventLog, Lease};
use projections::{Options, Projection};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::config::Keep;

/// How often a look is taken at what is due.
const EVERY: Duration = Duration::from_hours(1);
/// How long one process has the right to do it.
const LEASE: Duration = Duration::from_mins(50);

/// Does what is due until `shutdown`, one process at a time.
pub(crate) async fn run(
    log: EventLog,
    keep: Keep,
    shutdown: CancellationToken,
) -> anyhow::Result<()> {
    let holder = Uuid::now_v7();
    let mut tick = tokio::time::interval(EVERY);
    while shutdown.run_until_cancelled(tick.tick()).await.is_some() {
        let work = async {
            if Lease::hold(log.pool(), "keeping", holder, LEASE).await?.is_some() {
                apply(&log, &keep).await?;
            }
            anyhow::Ok(())
        };
        if let Some(Err(error)) = shutdown.run_until_cancelled(work).await {
            tracing::error!(error = format!("{error:#}"), "what is due waits for an hour");
        }
    }
    Lease::release(log.pool(), "keeping", holder).await?;
    Ok(())
}

/// Does what is due.
async fn apply(log: &EventLog, keep: &Keep) -> anyhow::Result<()> {
    let now = now(log).await?;
    for kind in Retention::ALL {
        if let Some(days) = keep.days(kind) {
            log.withhold(kind, now - TimeDelta::days(days.into())).await?;
        }
    }
    forget(log).await?;
    if let Some(days) = keep.effects {
        let purged = workers::purge_effects(log.pool(), now - TimeDelta::days(days.into())).await?;
        tracing::debug!(purged, "rows about effects were purged");
    }
    Ok(())
}

/// Makes read models anew that may show what was withheld.
async fn forget(log: &EventLog) -> anyhow::Result<()> {
    if !log.is_withheld_shown().await? {
        return Ok(());
    }
    for projection in Projection::ALL {
        let report =
            projections::rebuild(log, projection.name(), Options::default(), |_| {}).await?;
        // What was live before shows what is withheld.
        projections::drop_old(log, projection.name()).await?;
        tracing::info!(projection = report.name, "made anew without what is withheld");
    }
    log.withheld_is_forgotten().await
}

/// What was asked of `annals log retention`.
pub(crate) struct Request {
    pub(crate) is_applied: bool,
    pub(crate) until: Option<NaiveDate>,
    pub(crate) kind: Option<Retention>,
}

/// Prints what is kept for how long; does what is due, if that was asked for.
pub(crate) async fn retention(
    log: &EventLog,
    keep: &Keep,
    request: &Request,
) -> anyhow::Result<()> {
    let now = now(log).await?;
    for kind in Retention::ALL {
        let is_asked = request.kind.is_none_or(|asked| asked == kind);
        let before = match (request.until, keep.days(kind)) {
            (Some(until), _) if is_asked => Some(until.and_time(chrono::NaiveTime::MIN).and_utc()),
            (None, Some(days)) if is_asked => Some(now - TimeDelta::days(days.into())),
            _ => None,
        };
        if let Some(before) = before.filter(|_| request.is_applied) {
            log.withhold(kind, before).await?;
        }
        print(log, keep, kind, before).await?;
    }
    if request.is_applied {
        forget(log).await?;
    }
    let effects = keep.effects.map_or("keep".to_owned(), |days| format!("{days} days"));
    println!("effects: {effects}");
    Ok(())
}

async fn print(
    log: &EventLog,
    keep: &Keep,
    kind: Retention,
    before: Option<DateTime<Utc>>,
) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    let period = keep.days(kind).map_or("keep".to_owned(), |days| format!("{days} days"));
    writeln!(out, "{}: {period}", kind.name())?;
    drop(out);
    for kept in log.kept_periods().await?.iter().filter(|kept| kept.kind == kind.name()) {
        let is_due = before.is_some_and(|before| kept.ended_before(before));
        let state = match kept.withheld_at {
            Some(at) => format!("withheld since {}", at.format("%Y-%m-%d")),
            None if is_due => "due".to_owned(),
            None => "readable".to_owned(),
        };
        println!("  {}  {state}", kept.month.format("%Y-%m"));
    }
    Ok(())
}

/// The clock of the database, which gave events their time.
async fn now(log: &EventLog) -> anyhow::Result<DateTime<Utc>> {
    Ok(sqlx::query_scalar("select clock_timestamp()").fetch_one(log.pool()).await?)
}
