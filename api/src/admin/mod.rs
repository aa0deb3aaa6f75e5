//! What administrators look at.

mod as_of;
mod audit;
mod case;
mod dashboard;
mod erasure;
mod key;
mod log;
mod metric;
mod projections;
mod session;
mod sign_in;
mod two_factor;
mod user;

use utoipa_axum::router::OpenApiRouter;

pub(crate) use audit::action;

use crate::App;

pub(crate) use log::Verifier;

/// The routes of this folder.
pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .merge(dashboard::routes())
        .merge(case::routes())
        .merge(erasure::routes())
        .merge(log::routes())
        .merge(metric::routes())
        .merge(audit::routes())
        .merge(as_of::routes())
        .merge(projections::routes())
        .merge(sign_in::routes())
        .merge(two_factor::routes())
        .merge(session::routes())
        .merge(key::routes())
}
