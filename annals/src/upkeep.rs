//! Looking after the read models from the command line.

use std::io::Write;

use eventlog::EventLog;
use projections::{Options, RebuiltTable};

use crate::{cli::Projections, system::System};

/// Who decided what is decided here.
const OPERATOR: &str = "the command line";

/// Does what was asked of the read models.
pub(crate) async fn perform(system: &System, what: Projections) -> anyhow::Result<()> {
    let log = &system.log;
    match what {
        Projections::List => list(system).await,
        Projections::Rebuild { name, keep_both, with_skipped } => {
            let options = Options { keeps_both: keep_both, takes_in_skipped: with_skipped };
            rebuild(log, &name, options).await
        }
        Projections::Compare { name } => print(&projections::compare(log, &name).await?),
        Projections::Promote { name } => {
            projections::promote(log, &name).await?;
            say(&format!("the next version of {name} is live"))
        }
        Projections::Rollback { name } => {
            projections::rollback(log, &name).await?;
            say(&format!("{name} is as it was before, and catches up"))
        }
        Projections::DropOld { name } => {
            projections::drop_old(log, &name).await?;
            say(&format!("the old version of {name} is gone"))
        }
        Projections::Parked => parked(log).await,
        Projections::Retry { name, stream } => {
            let events = projections::retry(log, &name, stream).await?;
            say(&format!("{events} events taken in; the stream goes on"))
        }
        Projections::Skip { name, stream } => {
            let events = projections::skip(log, &name, stream, OPERATOR).await?;
            say(&format!("{events} events stay out; the stream goes on"))
        }
    }
}

/// Prints how far every projection has come.
async fn list(system: &System) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{:<16} {:>12} {:>8} {:>10}", "projection", "checkpoint", "parked", "behind")?;
    for status in system.queries.projections().await? {
        let (name, behind) = (&status.name, status.lag_events);
        writeln!(out, "{name:<16} {:>12} {:>8} {behind:>10}", status.checkpoint, status.parked)?;
        for version in status.versions {
            writeln!(out, "  {:<14} {:>12}", version.slot, version.checkpoint)?;
        }
        if let Some(rebuild) = status.rebuild.filter(|rebuild| rebuild.state != "done") {
            let (state, phase) = (rebuild.state, rebuild.phase);
            writeln!(
                out,
                "  rebuild {state}, {phase}: {} of {}",
                rebuild.position, rebuild.target
            )?;
        }
        if let Some(error) = status.last_error {
            writeln!(out, "  {error}")?;
        }
    }
    Ok(())
}

/// Fills a projection anew from the log, compares and swaps.
async fn rebuild(log: &EventLog, name: &str, options: Options) -> anyhow::Result<()> {
    let mut said = 0;
    let report = projections::rebuild(log, name, options, |progress| {
        if progress.position - said >= 10_000 {
            said = progress.position;
            eprintln!(
                "{} of {} events, {:.0}/s, {} s left",
                progress.position,
                progress.target,
                progress.per_second,
                progress.left.as_secs(),
            );
        }
    })
    .await?;
    let verdict = if report.is_identical { "identical to" } else { "different from" };
    say(&format!(
        "{}: {} rows from {} events in {:.1} s, {verdict} what was there",
        report.name, report.rows, report.events, report.seconds,
    ))?;
    let different: Vec<_> = report.tables.into_iter().filter(|it| !it.is_identical).collect();
    print(&different)
}

fn print(tables: &[RebuiltTable]) -> anyhow::Result<()> {
    for table in tables {
        let verdict = if table.is_identical { "identical" } else { "different" };
        say(&format!(
            "  {}: {} rows, {} before, {verdict}",
            table.name, table.rows, table.rows_before
        ))?;
    }
    Ok(())
}

/// Prints which streams are left out.
async fn parked(log: &EventLog) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    for it in projections::parked(log.pool()).await? {
        let decision = match (it.skipped_at, &it.skipped_by) {
            (Some(at), Some(by)) => format!("skipped {} by {by}", at.format("%Y-%m-%d %H:%M:%S")),
            (Some(_), None) | (None, _) => format!("tried {} times", it.attempts),
        };
        let (name, stream, first) = (&it.projection, it.stream_id, it.first_position);
        writeln!(out, "{name} {stream} from {first}: {} events, {decision}", it.waiting)?;
        writeln!(out, "  {}", it.last_error)?;
    }
    Ok(())
}

fn say(text: &str) -> anyhow::Result<()> {
    Ok(writeln!(std::io::stdout().lock(), "{text}")?)
}
