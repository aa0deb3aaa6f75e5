//! What holds for every aggregate, whatever is asked of it and whatever happened to it.

mod commands;
mod events;
mod laws;
pub mod samples;
