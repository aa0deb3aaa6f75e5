//! Checking the log and proving what is in it, from the command line.

use std::{
    fs::{self, File},
    io::{BufRead, BufReader, BufWriter},
    ops::RangeInclusive,
    path::Path,
};

use anyhow::{Context, bail};
use eventlog::{EventLog, Expectations, Fault, Position, TreeHead, check_offline};

use crate::{cli::Verify, config::Config, serve::kept_head};

/// How many events lie between two signs of life.
const TOLD: Position = 100_000;

/// Reads the whole log and says whether all that must be true of it is.
pub(crate) async fn verify(log: &EventLog, config: &Config, how: &Verify) -> anyhow::Result<()> {
    let mut heads: Vec<_> = how.head.as_deref().map(read_head).transpose()?.into_iter().collect();
    match kept_head(config).read().await? {
        Some(head) if log.is_of_this_epoch(&head).await? => heads.push(head),
        Some(_) => {
            eprintln!("the tree head in the data folder is of another log, or of before a restore");
        }
        None => {}
    }
    check(log, heads).await
}

/// The same, against heads that were kept.
pub(crate) async fn check(log: &EventLog, kept: Vec<TreeHead>) -> anyhow::Result<()> {
    let found = log.verify_against(kept, teller("read")).await?;
    println!("{}", serde_json::to_string_pretty(&found)?);
    if found.sealed < found.events {
        let (sealed, events) = (found.sealed, found.events);
        eprintln!("positions {} to {events} are not sealed yet", sealed + 1);
    }
    fail_at(found.fault.as_ref(), "the log is broken")
}

/// Checks a file that was exported, with nothing but the file.
pub(crate) fn verify_offline(file: &Path, how: &Verify) -> anyhow::Result<()> {
    let kept = how.head.as_deref().map(read_head).transpose()?;
    let expected = Expectations { key: how.key.clone(), kept };
    let input: Box<dyn BufRead> = if is_standard(file) {
        Box::new(std::io::stdin().lock())
    } else {
        let file = File::open(file).with_context(|| format!("opening {}", file.display()))?;
        Box::new(BufReader::new(file))
    };
    let report = check_offline(input, &expected)?;
    println!("{}", serde_json::to_string_pretty(&report)?);
    fail_at(report.fault.as_ref(), "the file proves nothing")
}

/// Prints the public key of the log.
pub(crate) fn key(log: &EventLog) {
    println!("{}", log.public_key());
}

/// Prints the newest signed tree head.
pub(crate) async fn head(log: &EventLog) -> anyhow::Result<()> {
    let head = log.tree_head().await?.context("nothing is sealed yet")?;
    print!("{}", head.note());
    Ok(())
}

/// Prints the proof that an event is in the log.
pub(crate) async fn event(
    log: &EventLog,
    position: Position,
    from: Option<Position>,
) -> anyhow::Result<()> {
    let proof = log.prove(position, from).await?;
    println!("{}", serde_json::to_string_pretty(&proof)?);
    Ok(())
}

/// Writes events with all it takes to check them without the log.
pub(crate) async fn export(
    log: &EventLog,
    range: RangeInclusive<Position>,
    file: &Path,
) -> anyhow::Result<()> {
    if is_standard(file) {
        log.export(range, &mut BufWriter::new(std::io::stdout()), teller("written")).await?;
        return Ok(());
    }
    let out = File::create(file).with_context(|| format!("creating {}", file.display()))?;
    let mut out = BufWriter::new(out);
    let exported = log.export(range, &mut out, teller("written")).await?;
    out.into_inner().context("writing the bundle")?.sync_all().context("writing the bundle")?;
    println!("{}", serde_json::to_string_pretty(&exported)?);
    Ok(())
}

/// A sign of life now and then.
fn teller(done: &'static str) -> impl FnMut(Position) + Send {
    let mut told = 0;
    move |position| {
        if position - told >= TOLD {
            told = position;
            eprintln!("{position} events {done}");
        }
    }
}

fn fail_at(fault: Option<&Fault>, what: &str) -> anyhow::Result<()> {
    if let Some(Fault { position, detail }) = fault {
        bail!("{what} at position {position}: {detail}");
    }
    Ok(())
}

fn read_head(file: &Path) -> anyhow::Result<TreeHead> {
    let note = fs::read_to_string(file).with_context(|| format!("reading {}", file.display()))?;
    TreeHead::parse(&note).with_context(|| format!("reading {}", file.display()))
}

fn is_standard(file: &Path) -> bool {
    file == Path::new("-")
}
