//! What the read models promise, shown with a real Postgres.

mod batches;
mod history;
mod parking;
mod running;
