//! Looks after the private NATS: one that answers and stores nothing is started anew.
//!
//! Once nats-server could not write to its disk, it takes nothing more for that stream until it is
//! started again, however much room there is by then.

use std::{sync::Arc, time::Duration};

use eventlog::{Broker, EventLog, Position};
use tokio::{
    sync::Notify,
    time::{Instant, sleep},
};
use tokio_util::sync::CancellationToken;
use tracing::warn;

/// How often to look.
const LOOK: Duration = Duration::from_secs(5);
/// How long nothing may be stored although there is something to store.
const PATIENCE: Duration = Duration::from_secs(30);

/// Looks until `shutdown`; `anew` starts the server anew.
pub(crate) async fn look_after(
    anew: Arc<Notify>,
    log: EventLog,
    broker: Broker,
    shutdown: CancellationToken,
) -> anyhow::Result<()> {
    let mut stuck: Option<(Position, Instant)> = None;
    while shutdown.run_until_cancelled(sleep(LOOK)).await.is_some() {
        let Some(last) = last_of_too_few(&log, &broker).await else {
            stuck = None;
            continue;
        };
        let since = match stuck {
            Some((before, since)) if before == last => since,
            Some(_) | None => Instant::now(),
        };
        stuck = Some((last, since));
        if since.elapsed() >= PATIENCE {
            warn!(position = last, "NATS stores nothing any more; starting it anew");
            anew.notify_one();
            stuck = None;
        }
    }
    Ok(())
}

/// The last position that the broker holds, where the log goes further.
async fn last_of_too_few(log: &EventLog, broker: &Broker) -> Option<Position> {
    let head = log.head().await.ok()?;
    let last = broker.last_position(head, log.epoch().await.ok()?).await.ok()?;
    (last < head).then_some(last)
}
