//! Conversations with models, in the dialect of `OpenAI`.

mod answer;
mod body;
mod chunk;
mod completion;
mod follow;
mod history;
mod message;
mod model;
mod run;
mod session;
mod stream;
mod tool;
mod usage;

use utoipa_axum::router::OpenApiRouter;

use crate::App;

/// The routes of this folder.
pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .merge(completion::routes())
        .merge(model::routes())
        .merge(session::routes())
        .merge(history::routes())
        .merge(run::routes())
        .merge(usage::routes())
}
