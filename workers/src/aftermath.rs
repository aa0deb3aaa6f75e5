//! Sees through what follows from changed credentials: sessions and keys that were good before end, also
//! when the process that changed them died on the way.

use std::sync::Arc;

use commands::Commands;
use eventlog::{Broker, Recorded};
use tokio_util::sync::CancellationToken;

use crate::consume::{self, Verdict, Worker};

struct Aftermath {
    commands: Commands,
}

/// Ends what died, until it is told to stop.
pub async fn end_what_died(commands: Commands, broker: Broker, shutdown: CancellationToken) {
    let log = commands.log().clone();
    consume::run(log, broker, Arc::new(Aftermath { commands }), shutdown).await;
}

impl Worker for Aftermath {
    const NAME: &str = "aftermath";
    const SUBJECTS: &[&str] = &[
        "events.user.*.password_changed",
        "events.user.*.password_reset",
        "events.user.*.credentials_dropped",
        "events.user.*.undone",
    ];

    async fn act(&self, event: Recorded) -> anyhow::Result<Verdict> {
        self.commands.end_what_died(&event).await?;
        Ok(Verdict::Done)
    }
}
