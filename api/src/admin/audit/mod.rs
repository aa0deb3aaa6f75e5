//! Who did what about whom, for administrators.

mod compliance;
mod csv;
mod entry;
mod export;
mod filter;
mod logs;
mod summary;

use utoipa_axum::router::OpenApiRouter;

pub(crate) use filter::action;

use crate::App;

/// The routes of this folder.
pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .merge(logs::routes())
        .merge(summary::routes())
        .merge(compliance::routes())
        .merge(export::routes())
}
