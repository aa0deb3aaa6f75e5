//! Two-factor authentication.

mod device;
mod enrol;
mod fields;
mod manage;
mod passkey;
mod qr;
mod send;
mod verify;

use utoipa_axum::router::OpenApiRouter;

use crate::App;

/// The routes of this folder.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .merge(enrol::routes())
        .merge(verify::routes())
        .merge(manage::routes())
        .merge(send::routes())
        .merge(device::routes())
        .merge(passkey::routes())
}
