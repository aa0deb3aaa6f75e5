//! The log itself, for administrators: its events and streams, its signed heads, proofs and checks.

mod event;
mod proof;
mod stream;
mod verify;

use utoipa_axum::router::OpenApiRouter;

use crate::App;

pub(crate) use verify::Verifier;

/// The routes of this folder.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .merge(event::routes())
        .merge(stream::routes())
        .merge(proof::routes())
        .merge(verify::routes())
}
