//! Journeys through the real program, with real Postgres, NATS and SMTP.

mod archiving;
mod audit;
mod backups;
mod bad_input;
mod carrier;
mod chaos;
mod chat;
mod erasure;
mod evolution;
mod faults;
mod idempotency;
mod journey;
mod limits;
mod log;
mod master_key;
mod notifications;
mod person;
mod projections;
mod proof;
mod properties;
mod providers;
mod read_models;
mod sdk;
mod sessions;
mod torture;
mod two_factor;
