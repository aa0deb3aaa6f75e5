//! Making backups from the command line.

use eventlog::{BackupPlan, EventLog};

/// Writes a backup, and says what it holds.
pub(crate) async fn backup(log: &EventLog, plan: BackupPlan) -> anyhow::Result<()> {
    let manifest = log.backup(&plan, |step| eprintln!("{step}")).await?;
    println!(
        "backup {} of positions 1 to {} is in {}",
        manifest.id,
        manifest.position,
        plan.folder.display(),
    );
    let keys = plan.keys.unwrap_or_else(|| plan.folder.join(&manifest.keys.file));
    println!("its keys are in {}, wrapped by the master key", keys.display());
    let elsewhere: Vec<_> =
        manifest.archives.iter().filter(|archive| !archive.is_included).collect();
    if !elsewhere.is_empty() {
        println!(
            "{} archive files belong to it and were not copied (--with-archives copies them)",
            elsewhere.len(),
        );
    }
    Ok(())
}
