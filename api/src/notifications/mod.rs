//! Inboxes: what people are told, what they do with it, and how they hear of it at once.

mod bulk;
mod fields;
mod inbox;
mod item;
mod send;
mod stream;

use utoipa_axum::router::OpenApiRouter;

use crate::App;

/// The routes of this folder.
pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .merge(inbox::routes())
        .merge(item::routes())
        .merge(send::routes())
        .merge(bulk::routes())
        .merge(stream::routes())
}
