//! Connections that write read models, and which of their errors pass.

use anyhow::Context;
use sqlx::{Connection, Error, PgConnection, PgPool};

/// A connection for one who writes. What a crash of the database loses of read models comes again,
/// so that nobody waits for the disk; and rows are found by their keys, also with a plan that was
/// made when the table was small.
pub(crate) async fn connect(pool: &PgPool) -> anyhow::Result<PgConnection> {
    let options = pool.connect_options().as_ref().clone();
    let options = options.options([("synchronous_commit", "off"), ("enable_seqscan", "off")]);
    PgConnection::connect_with(&options).await.context("connecting to the read models")
}

/// Whether the same may do better in a moment, whatever the events.
pub(crate) fn is_passing(error: &anyhow::Error) -> bool {
    match error.downcast_ref::<Error>() {
        Some(Error::Database(error)) => {
            // Class 08: connection, 25: read-only for now, 40: rolled back, 53: out of resources,
            // 55: locked, 57: stopped by the operator.
            let passing = ["08", "25", "40", "53", "55", "57"];
            error.code().is_some_and(|code| passing.iter().any(|class| code.starts_with(class)))
        }
        Some(
            Error::Io(_)
            | Error::Tls(_)
            | Error::Protocol(_)
            | Error::PoolTimedOut
            | Error::PoolClosed
            | Error::WorkerCrashed,
        ) => true,
        Some(_) | None => false,
    }
}

#[cfg(test)]
mod tests {
    use anyhow::Context;
    use sqlx::Error;

    use super::is_passing;

    #[test]
    fn a_lost_connection_passes_however_it_is_told() {
        let lost: anyhow::Result<()> = Err(Error::WorkerCrashed).context("applying 1 to 7");

        assert!(lost.as_ref().is_err_and(is_passing));
    }

    #[test]
    fn an_event_that_nobody_can_decode_does_not_pass() {
        assert!(!is_passing(&anyhow::anyhow!("decoding position 7")));
        assert!(!is_passing(&Error::RowNotFound.into()));
    }
}
