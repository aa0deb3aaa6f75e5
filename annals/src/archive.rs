//! Moving parts of the log to files and back, from the command line.

use std::io::Write;

use eventlog::{EventLog, Keep};

/// Prints where every part of the log is.
pub(crate) async fn list(log: &EventLog) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{:>9} {:>14} {:>14} {:>14}  where", "partition", "first", "last", "bytes")?;
    for part in log.partitions().await? {
        let place = part.file.unwrap_or_else(|| "table".to_owned());
        writeln!(
            out,
            "{:>9} {:>14} {:>14} {:>14}  {place}",
            part.part, part.first, part.last, part.bytes,
        )?;
    }
    Ok(())
}

/// Moves partitions to files.
pub(crate) async fn archive(log: &EventLog, keep: Keep) -> anyhow::Result<()> {
    let moved = log.archive(keep, |step| eprintln!("{step}")).await?;
    if moved.is_empty() {
        println!("nothing to move: no further partition is full, sealed and not to be kept");
    }
    for archived in moved {
        println!(
            "positions {} to {} are in {}, {} bytes",
            archived.first, archived.last, archived.file, archived.size,
        );
    }
    Ok(())
}

/// Brings partitions back.
pub(crate) async fn restore(log: &EventLog, partition: i64) -> anyhow::Result<()> {
    for archived in log.restore_partitions(partition, |step| eprintln!("{step}")).await? {
        println!(
            "positions {} to {} are back in the table; {} is not needed any more",
            archived.first, archived.last, archived.file,
        );
    }
    Ok(())
}
