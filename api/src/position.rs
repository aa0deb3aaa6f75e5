//! Reading what was written: answers carry a log position, and wait for the read models to show it.

use std::time::Duration;

use axum::{
    extract::{Request, State},
    http::{HeaderName, Method},
    middleware::Next,
    response::{IntoResponse, Response},
};
use commands::Done;
use eventlog::Position;

use crate::App;

/// The header that carries a position, in answers to writes and in requests to read.
pub(crate) const LOG_POSITION: HeaderName = HeaderName::from_static("x-log-position");
/// How long to wait for the read models.
const PATIENCE: Duration = Duration::from_millis(500);

impl App {
    /// Answers a write: once the read models show it, or after half a second.
    pub(crate) async fn done<T, R: IntoResponse>(
        &self,
        done: Done<T>,
        answer: impl FnOnce(T) -> R,
    ) -> Response {
        self.await_position(done.position).await;
        let mut response = answer(done.value).into_response();
        if done.position > 0 {
            response.headers_mut().insert(LOG_POSITION, done.position.into());
        }
        response
    }

    /// Waits for the read models, half a second at most. What was written stays written, so that
    /// a failure to look is no failure.
    pub(crate) async fn await_position(&self, position: Position) {
        if position > 0
            && let Err(error) = self.queries.wait_for(position, PATIENCE).await
        {
            tracing::warn!(error = format!("{error:#}"), "cannot tell how far read models are");
        }
    }
}

/// Lets a read wait for the position that its client has seen.
pub(crate) async fn read_what_was_written(
    State(app): State<App>,
    request: Request,
    next: Next,
) -> Response {
    let seen = request.headers().get(LOG_POSITION).and_then(|value| value.to_str().ok());
    if request.method() == Method::GET
        && let Some(position) = seen.and_then(|text| text.parse().ok())
    {
        app.await_position(position).await;
    }
    next.run(request).await
}
