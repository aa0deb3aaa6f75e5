//! Anthropic Messages.

mod answer;
mod assembly;
mod request;

pub(super) use answer::read;
pub(super) use assembly::Assembly;
pub(super) use request::write;
