//! What the event log promises, shown with a real Postgres.

mod archive;
mod circumstances;
mod claims;
mod commands;
pub mod database;
mod forgery;
mod keys;
mod months;
pub mod nats;
mod partitions;
mod personal;
mod sealing;
mod snapshots;
mod tampering;
pub mod telling;
