//! All routes, and what stands around them.

use axum::{Router, extract::DefaultBodyLimit, middleware};
use tower::{Layer, util::MapRequestLayer};
use tower_http::catch_panic::CatchPanicLayer;
use utoipa_axum::router::OpenApiRouter;

use crate::{
    App, admin, auth, chat, document, health, idempotency, known_device, linger, not_built,
    notifications, observe, path, position, settings,
};

/// The largest body, chat excepted.
const MAX_BODY: usize = 1 << 20;
/// The largest body of a route about accounts: whatever is said there is short.
const MAX_AUTH_BODY: usize = 64 << 10;
/// The largest body of a chat route: pictures travel in them.
pub(crate) const MAX_CHAT_BODY: usize = 4 << 20;

/// Everything that is described.
pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::with_openapi(document::base())
        .merge(auth::routes().layer(DefaultBodyLimit::max(MAX_AUTH_BODY)))
        .merge(settings::routes())
        .merge(notifications::routes())
        .merge(admin::routes())
        .merge(health::routes())
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .merge(chat::routes().layer(DefaultBodyLimit::max(MAX_CHAT_BODY)))
}

/// The whole service: every path is rewritten to its one spelling before it is looked up.
pub fn router(app: App) -> Router {
    let (routes, _) = routes().split_for_parts();
    let routes = routes
        .merge(document::pages())
        .fallback(not_built::unknown_path)
        .method_not_allowed_fallback(not_built::unknown_method)
        .layer(middleware::from_fn_with_state(app.clone(), idempotency::idempotent))
        .layer(middleware::from_fn_with_state(app.clone(), known_device::remember))
        .layer(middleware::from_fn_with_state(app.clone(), position::read_what_was_written))
        .layer(CatchPanicLayer::custom(observe::panicked))
        .layer(middleware::from_fn(linger::linger))
        .layer(middleware::from_fn_with_state(app.clone(), observe::observe))
        .with_state(app);
    Router::new().fallback_service(MapRequestLayer::new(path::normalise).layer(routes))
}

#[cfg(test)]
mod tests;
