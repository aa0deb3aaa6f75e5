//! HTTP: routes, bodies, problems and their description. Rules live elsewhere; this parses, asks
//! and answers.

mod address;
mod admin;
mod app;
mod area;
mod auth;
mod body;
mod caller;
mod chat;
mod context;
mod cookie;
mod document;
mod envelope;
mod health;
mod idempotency;
mod known_device;
mod limit;
mod linger;
mod metric;
mod moment;
mod not_built;
mod notifications;
mod observe;
mod path;
mod position;
mod problem;
mod router;
mod serve;
mod settings;

pub use address::Network;
pub use app::{App, Setup};
pub use document::openapi;
pub use router::router;
pub use serve::serve;
