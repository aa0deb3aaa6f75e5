//! The commands beside `serve`: looking into the log, rebuilding read models, making administrators.

use tokio_util::sync::CancellationToken;

use crate::{
    cli::{Log, Operation, Projections, User},
    config::Config,
    embedded::Embedded,
    first_admin, inspect,
    system::System,
};

/// Does one of them on the servers of the running program, or on ones started for it.
pub(crate) async fn operate(
    config: &Config,
    operation: Operation,
    shutdown: &CancellationToken,
) -> anyhow::Result<()> {
    let embedded = Embedded::reach(config, shutdown).await?;
    let outcome = match System::open(config, &embedded, None).await {
        Ok(system) => perform(config, &system, operation, shutdown).await,
        Err(error) => Err(error),
    };
    embedded.stop().await;
    outcome
}

async fn perform(
    config: &Config,
    system: &System,
    operation: Operation,
    shutdown: &CancellationToken,
) -> anyhow::Result<()> {
    match operation {
        Operation::Log(Log::Tail) => inspect::tail(&system.log, shutdown).await,
        Operation::Log(Log::Show { stream }) => inspect::show(&system.log, stream).await,
        Operation::Log(Log::Verify) => inspect::verify(&system.log).await,
        Operation::Projections(Projections::List) => inspect::list(system).await,
        Operation::Projections(Projections::Rebuild { name }) => {
            inspect::rebuild(&system.log, &name).await
        }
        Operation::User(User::CreateAdmin) => first_admin::create(config, &system.commands).await,
    }
}
