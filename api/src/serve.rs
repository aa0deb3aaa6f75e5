//! Serving: until told to stop, and then to the end of what was begun.

use std::net::SocketAddr;

use anyhow::Context;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::{App, router};

/// Answers requests until `shutdown`; it has to be the token of the app, so that streams end too.
pub async fn serve(
    listener: TcpListener,
    app: App,
    shutdown: CancellationToken,
) -> anyhow::Result<()> {
    let tasks = app.tasks.clone();
    let service = router(app).into_make_service_with_connect_info::<SocketAddr>();
    axum::serve(listener, service)
        .with_graceful_shutdown(shutdown.cancelled_owned())
        .await
        .context("serving HTTP")?;
    tasks.close();
    tasks.wait().await;
    Ok(())
}
