//! What administrators look at.

mod dashboard;
mod metric;

use utoipa_axum::router::OpenApiRouter;

use crate::App;

/// The routes of this folder.
pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().merge(dashboard::routes()).merge(metric::routes())
}
