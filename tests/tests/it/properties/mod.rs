//! What holds for every aggregate, whatever is asked of it and whatever happened to it.

pub mod commands;
mod events;
mod laws;
mod samples;
