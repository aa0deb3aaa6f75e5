//! Opening an account, signing in, staying signed in, signing out.

mod account;
mod address;
mod admin;
mod erasure;
mod fields;
mod history;
mod magic_link;
mod page;
mod password;
mod profile;
pub(crate) mod session;
mod sign_in;
mod two_factor;
mod undo;
mod verification;

use utoipa_axum::router::OpenApiRouter;

pub(crate) use erasure::Erased;

use crate::App;

/// The routes of this folder.
pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .merge(account::routes())
        .merge(history::routes())
        .merge(session::routes())
        .merge(sign_in::routes())
        .merge(two_factor::routes())
        .merge(verification::routes())
        .merge(password::routes())
        .merge(address::routes())
        .merge(magic_link::routes())
        .merge(undo::routes())
        .merge(erasure::routes())
        .merge(admin::routes())
}
