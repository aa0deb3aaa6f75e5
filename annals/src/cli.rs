//! The command line: what can be asked of the program.

use std::{path::PathBuf, time::Duration};

use chrono::NaiveDate;
use clap::{Args, Parser, Subcommand, ValueEnum};
use domain::Retention;
use eventlog::{Position, PublicKey};
use uuid::Uuid;

use crate::config::{Options, wait};

/// A self-hosted backend for accounts, notifications and agentic chat, on an event log.
#[derive(Parser)]
#[command(name = "annals", version)]
pub(crate) struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub(crate) action: Action,
    /// The configuration, the same for every command.
    #[command(flatten)]
    pub(crate) options: Options,
}

/// One command of the program.
#[derive(Subcommand)]
pub(crate) enum Action {
    /// Run it: all roles in this process, or one.
    Serve {
        /// Which part of the work this process takes.
        #[arg(long, value_enum, default_value_t = Role::All)]
        role: Role,
    },
    /// Something that needs the log, beside the running program or alone.
    #[command(flatten)]
    Operate(Operation),
    /// Fill an empty database from a backup; nothing else may run on it.
    Restore(Restore),
    /// Look at what the service signed, without a server.
    #[command(subcommand)]
    Certificate(Certificate),
    /// Print the configuration in effect, without secrets.
    Config,
    /// Print the `OpenAPI` document of the HTTP interface as YAML.
    Openapi,
}

/// A command that needs the log.
#[derive(Subcommand)]
pub(crate) enum Operation {
    /// Look into the event log.
    #[command(subcommand)]
    Log(Log),
    /// Look after the read models.
    #[command(subcommand)]
    Projections(Projections),
    /// Look after the keys of the service.
    #[command(subcommand)]
    Keys(Keys),
    /// Look after accounts.
    #[command(subcommand)]
    User(User),
    /// Write the log and its keys to files, beside the running program.
    Backup {
        /// A folder that is empty or not there yet.
        folder: PathBuf,
        /// Where the keys go, to be kept elsewhere [keys.annals in the folder].
        #[arg(long, value_name = "FILE")]
        keys: Option<PathBuf>,
        /// Copy archive files as well, and not only their names.
        #[arg(long)]
        with_archives: bool,
    },
}

/// How a backup is restored.
#[derive(Args)]
pub(crate) struct Restore {
    /// The folder of the backup.
    pub(crate) folder: PathBuf,
    /// The file of its keys [keys.annals in the folder].
    #[arg(long, value_name = "FILE", conflicts_with = "without_keys")]
    pub(crate) keys: Option<PathBuf>,
    /// Restore the log although its keys are lost: nobody's personal data can be read any more.
    #[arg(long)]
    pub(crate) without_keys: bool,
    /// Drop everything that is in the database first.
    #[arg(long)]
    pub(crate) overwrite: bool,
}

/// A part of the work; with `all` one process does everything.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Role {
    /// Every role below.
    All,
    /// Answers HTTP.
    Api,
    /// Keeps the read models up to date.
    Projections,
    /// Publishes the log, sends mail, drives chat agents.
    Workers,
}

impl Role {
    /// Whether this process answers HTTP.
    pub(crate) const fn has_api(self) -> bool {
        matches!(self, Self::All | Self::Api)
    }

    /// Whether this process fills read models.
    pub(crate) const fn has_projections(self) -> bool {
        matches!(self, Self::All | Self::Projections)
    }

    /// Whether this process acts on the outside world.
    pub(crate) const fn has_workers(self) -> bool {
        matches!(self, Self::All | Self::Workers)
    }
}

/// What can be asked of the log.
#[derive(Subcommand)]
pub(crate) enum Log {
    /// Print events as they are recorded.
    Tail,
    /// Print the events of one stream.
    Show {
        /// The stream's id.
        stream: Uuid,
    },
    /// Print every event type that the log holds, and whether this program can read it.
    Types,
    /// Check the whole log: that every event is what was written, and what was signed.
    Verify(Verify),
    /// Print the public key that tree heads are signed with; auditors keep it.
    Key,
    /// Print the newest signed tree head; auditors keep it, too.
    Head,
    /// Print the proof that an event is in the log, as JSON.
    Prove {
        /// The event's position.
        position: Position,
        /// The size of an older tree head: prove as well that the log goes on from there.
        #[arg(long)]
        from: Option<Position>,
    },
    /// Write events with all it takes to check them without the log.
    Export {
        /// The first position.
        #[arg(long, default_value_t = 1)]
        from: Position,
        /// The last position; everything that there is where nothing is said.
        #[arg(long)]
        to: Option<Position>,
        /// The file to write; `-` is the standard output.
        file: PathBuf,
    },
    /// Print where every part of the log is: in a table, or in an archive file.
    Partitions,
    /// Move full partitions to compressed files, from where they are still read.
    Archive {
        /// Leave so many full partitions in the table.
        #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(i64).range(0..))]
        keep: i64,
        /// Move what stands before a position instead.
        #[arg(long, conflicts_with = "keep", value_name = "POSITION")]
        before: Option<i64>,
    },
    /// Print what technical data is kept for how long, and what is due.
    Retention {
        /// Do what is due now.
        #[arg(long)]
        apply: bool,
        /// Take what ended before a day for due, whatever the configuration says.
        #[arg(long, value_name = "YYYY-MM-DD")]
        until: Option<NaiveDate>,
        /// Only one kind: addresses, `failed_logins` or sessions.
        #[arg(long, value_parser = kind)]
        kind: Option<Retention>,
    },
    /// Bring an archived partition back into the table, and those after it.
    RestorePartition {
        /// Its number, as `partitions` prints it.
        partition: i64,
    },
}

/// How to check a log.
#[derive(Args)]
pub(crate) struct Verify {
    /// A file that `log export` or `log prove` wrote, or a person's history (`-`: the standard input). Checking it needs
    /// neither the log nor any configuration.
    #[arg(long)]
    pub(crate) offline: Option<PathBuf>,
    /// The public key of the log, as `log key` prints it: without, the one in the file is believed.
    #[arg(long, requires = "offline")]
    pub(crate) key: Option<PublicKey>,
    /// A file with a tree head that was kept, as `log head` prints it: the log must go on from there.
    #[arg(long)]
    pub(crate) head: Option<PathBuf>,
}

/// What can be asked of the read models.
#[derive(Subcommand)]
pub(crate) enum Projections {
    /// Print every projection and the position it has reached.
    List,
    /// Make one projection anew from the log beside the live one, compare, and change over.
    Rebuild {
        /// Its name, as `list` prints it.
        name: String,
        /// Keep the new tables up beside the live ones until they are promoted.
        #[arg(long)]
        keep_both: bool,
        /// Take in again what was skipped.
        #[arg(long)]
        with_skipped: bool,
    },
    /// Compare the next version of a projection with the live one.
    Compare {
        /// Its name.
        name: String,
    },
    /// Make the next version of a projection live.
    Promote {
        /// Its name.
        name: String,
    },
    /// Make the version live again that was before the last rebuild.
    Rollback {
        /// Its name.
        name: String,
    },
    /// Drop the version that was live before the last rebuild.
    DropOld {
        /// Its name.
        name: String,
    },
    /// Print the streams that projections leave out.
    Parked,
    /// Take the events of a parked stream in.
    Retry {
        /// The projection's name.
        name: String,
        /// The stream's id.
        stream: Uuid,
    },
    /// Leave the events of a parked stream out for good; those to come are taken in.
    Skip {
        /// The projection's name.
        name: String,
        /// The stream's id.
        stream: Uuid,
    },
}

/// What can be done with certificates.
#[derive(Subcommand)]
pub(crate) enum Certificate {
    /// Check the certificate of an erasure.
    Verify {
        /// The file that holds it, as the API gave it.
        file: PathBuf,
        /// The public key of the service, as `annals log key` prints it.
        #[arg(long)]
        key: Option<String>,
    },
}

/// What can be done about keys.
#[derive(Subcommand)]
pub(crate) enum Keys {
    /// Wrap every key with a new master key, while the program runs or not. The new key is
    /// `ANNALS_MASTER_KEY`, the one in use `ANNALS_MASTER_KEY_PREVIOUS`; where the key lives in the
    /// data folder, a new one is made there.
    RotateMaster,
    /// Print the keys that access tokens are signed with.
    List,
    /// Sign access tokens with a new key, while the program runs or not. The keys before go on verifying
    /// for as long as their tokens live.
    Rotate {
        /// Publish the new key for so long before it signs, so that whoever caches the key set knows it
        /// [10m].
        #[arg(long, value_parser = wait, value_name = "TIME")]
        wait: Option<Duration>,
        /// Somebody knows the keys before: the new one signs at once, and all tokens of those before are
        /// dead. Nobody is signed out: programs refresh.
        #[arg(long, visible_alias = "compromised", conflicts_with = "wait")]
        now: bool,
    },
}

/// What can be done about accounts.
#[derive(Subcommand)]
pub(crate) enum User {
    /// Create the first administrator, or another one.
    CreateAdmin,
}

fn kind(name: &str) -> Result<Retention, String> {
    let kinds = Retention::ALL.map(Retention::name).join(", ");
    Retention::named(name).ok_or_else(|| format!("one of {kinds}"))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn a_flag_may_stand_after_the_command() {
        let cli = Cli::try_parse_from(["annals", "serve", "--role", "api", "--listen", "[::1]:1"]);

        assert!(cli.is_ok());
    }
}
