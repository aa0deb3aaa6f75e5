//! Numbers about requests: for Prometheus by route, and in all for the dashboard.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use axum::http::StatusCode;

/// Requests of this process so far.
#[derive(Default)]
pub(crate) struct Requests {
    count: AtomicU64,
    failed: AtomicU64,
    microseconds: AtomicU64,
}

/// One answered request.
pub(crate) struct Answered<'a> {
    pub method: &'a str,
    /// The route that matched, never the raw path.
    pub route: &'a str,
    pub status: StatusCode,
    pub took: Duration,
}

impl Requests {
    /// Counts a request.
    pub(crate) fn record(&self, answered: &Answered<'_>) {
        self.count.fetch_add(1, Ordering::Relaxed);
        let micros = u64::try_from(answered.took.as_micros()).unwrap_or(u64::MAX);
        self.microseconds.fetch_add(micros, Ordering::Relaxed);
        if answered.status.is_server_error() && answered.status != StatusCode::NOT_IMPLEMENTED {
            self.failed.fetch_add(1, Ordering::Relaxed);
        }
        metrics::counter!(
            "annals_http_requests_total",
            "method" => answered.method.to_owned(),
            "route" => answered.route.to_owned(),
            "status" => answered.status.as_u16().to_string(),
        )
        .increment(1);
        metrics::histogram!(
            "annals_http_request_duration_seconds",
            "route" => answered.route.to_owned(),
        )
        .record(answered.took);
    }

    /// How many there were.
    pub(crate) fn total(&self) -> u64 {
        self.count.load(Ordering::Relaxed)
    }

    /// How long they took on average.
    pub(crate) fn mean_milliseconds(&self) -> f64 {
        ratio(self.microseconds.load(Ordering::Relaxed), self.total()) / 1000.0
    }

    /// The share that failed through our fault, 0 to 1.
    pub(crate) fn error_rate(&self) -> f64 {
        ratio(self.failed.load(Ordering::Relaxed), self.total())
    }
}

#[expect(clippy::cast_precision_loss, reason = "a dashboard shows a few digits")]
fn ratio(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

/// Counts a request as long as it is being answered.
pub(crate) struct InFlight(());

impl InFlight {
    pub(crate) fn begin() -> Self {
        metrics::gauge!("annals_http_requests_in_flight").increment(1.0);
        Self(())
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        metrics::gauge!("annals_http_requests_in_flight").decrement(1.0);
    }
}
