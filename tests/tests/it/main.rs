//! Journeys through the real program, with real Postgres, NATS and SMTP.

mod faults;
mod journey;
mod person;
