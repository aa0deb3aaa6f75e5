//! The program: reads what it was told, starts it, stops it in good order.

mod archive;
mod backup;
mod certificate;
mod cli;
mod config;
mod embedded;
mod first_admin;
mod inspect;
mod keeping;
mod keys;
mod master_key;
mod operate;
mod prove;
mod ready;
mod restore;
mod serve;
mod shutdown;
mod system;
mod upkeep;

use std::process::ExitCode;

use clap::Parser;
use tracing_subscriber::EnvFilter;

use crate::{
    cli::{Action, Certificate, Cli, Log, Operation},
    config::Config,
};

#[tokio::main]
async fn main() -> ExitCode {
    match run(Cli::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("annals: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(cli: Cli) -> anyhow::Result<()> {
    if let Action::Operate(Operation::Log(Log::Verify(how))) = &cli.action
        && let Some(file) = &how.offline
    {
        return prove::verify_offline(file, how);
    }
    let config = Config::new(cli.options)?;
    start_logging(&config.log)?;
    let shutdown = shutdown::on_signal()?;
    match cli.action {
        Action::Serve { role } => serve::serve(&config, role, &shutdown).await,
        Action::Operate(operation) => operate::operate(&config, operation, &shutdown).await,
        Action::Restore(plan) => restore::restore(&config, &plan, &shutdown).await,
        Action::Config => {
            print!("{config}");
            Ok(())
        }
        Action::Certificate(Certificate::Verify { file, key }) => {
            certificate::verify(&file, key.as_deref())
        }
        Action::Openapi => serve::print_openapi(),
    }
}

/// Logs go to stderr; stdout is for what was asked.
fn start_logging(filter: &str) -> anyhow::Result<()> {
    tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::try_new(filter)?)
        .with_writer(std::io::stderr)
        .init();
    Ok(())
}
