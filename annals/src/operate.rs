//! The commands beside `serve`: looking into the log, rebuilding read models, making administrators.

use eventlog::{BackupPlan, Keep, Position};
use tokio_util::sync::CancellationToken;

use crate::{
    archive, backup,
    cli::{Keys, Log, Operation, User},
    config::Config,
    embedded::Embedded,
    first_admin, inspect, keeping, keys, master_key, prove,
    system::System,
    upkeep,
};

/// Does one of them on the servers of the running program, or on ones started for it.
pub(crate) async fn operate(
    config: &Config,
    operation: Operation,
    shutdown: &CancellationToken,
) -> anyhow::Result<()> {
    let embedded = Embedded::reach(config, shutdown).await?;
    let outcome = match open(config, &embedded, &operation).await {
        Ok(system) => perform(config, &system, operation, shutdown).await,
        Err(error) => Err(error),
    };
    embedded.stop().await;
    outcome
}

async fn open(
    config: &Config,
    embedded: &Embedded,
    operation: &Operation,
) -> anyhow::Result<System> {
    let master = match operation {
        Operation::Keys(Keys::RotateMaster) => master_key::next(config)?,
        Operation::Keys(Keys::List | Keys::Rotate { .. })
        | Operation::Log(_)
        | Operation::Projections(_)
        | Operation::Backup { .. }
        | Operation::User(_) => master_key::load(config)?,
    };
    System::open(config, embedded, &master, None).await
}

async fn perform(
    config: &Config,
    system: &System,
    operation: Operation,
    shutdown: &CancellationToken,
) -> anyhow::Result<()> {
    // What cannot be read can still be named.
    if !matches!(operation, Operation::Log(Log::Types)) {
        system.log.assert_readable().await?;
    }
    match operation {
        Operation::Log(asked) => look(config, system, asked, shutdown).await,
        Operation::Projections(what) => upkeep::perform(system, what).await,
        Operation::Backup { folder, keys, with_archives } => {
            backup::backup(&system.log, BackupPlan { folder, keys, with_archives }).await
        }
        Operation::Keys(what) => keys::perform(config, system, what).await,
        Operation::User(User::CreateAdmin) => first_admin::create(config, &system.commands).await,
    }
}

/// Looks into the log, or after it.
async fn look(
    config: &Config,
    system: &System,
    asked: Log,
    shutdown: &CancellationToken,
) -> anyhow::Result<()> {
    match asked {
        Log::Tail => inspect::tail(&system.log, shutdown).await,
        Log::Show { stream } => inspect::show(&system.log, stream).await,
        Log::Types => inspect::types(&system.log).await,
        Log::Verify(how) => prove::verify(&system.log, config, &how).await,
        Log::Key => {
            prove::key(&system.log);
            Ok(())
        }
        Log::Head => prove::head(&system.log).await,
        Log::Prove { position, from } => prove::event(&system.log, position, from).await,
        Log::Export { from, to, file } => {
            prove::export(&system.log, from..=to.unwrap_or(Position::MAX), &file).await
        }
        Log::Partitions => archive::list(&system.log).await,
        Log::Archive { keep, before } => {
            archive::archive(&system.log, before.map_or(Keep::Partitions(keep), Keep::From)).await
        }
        Log::RestorePartition { partition } => archive::restore(&system.log, partition).await,
        Log::Retention { apply, until, kind } => {
            let request = keeping::Request { is_applied: apply, until, kind };
            keeping::retention(&system.log, &config.retention, &request).await
        }
    }
}
