//! Forgetting what was only kept for a while.

use std::time::Duration;

use commands::Commands;
use tokio_util::sync::CancellationToken;

/// How often to look for what has expired.
const PERIOD: Duration = Duration::from_mins(10);

/// Forgets the answers of old requests and counts of limits, again and again until the end.
pub async fn expire(commands: Commands, shutdown: CancellationToken) {
    let mut tick = tokio::time::interval(PERIOD);
    while shutdown.run_until_cancelled(tick.tick()).await.is_some() {
        match commands.forget_expired_requests().await {
            Ok(0) => {}
            Ok(count) => {
                tracing::debug!(count, "answers that nobody asked for again are forgotten");
            }
            Err(error) => {
                tracing::warn!(error = format!("{error:#}"), "expired answers are still kept");
            }
        }
        if let Err(error) = commands.forget_full_limits().await {
            tracing::warn!(error = format!("{error:#}"), "counts without a meaning are still kept");
        }
    }
}
