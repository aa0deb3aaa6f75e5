//! What the read models promise, shown with a real Postgres.

mod batches;
pub mod history;
mod parking;
mod rebuilds;
pub mod running;
