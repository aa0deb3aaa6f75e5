//! Keys for programs.

mod changes;
mod queries;

pub(crate) use changes::{apply, wants};
pub use queries::{ApiKeyView, KeyDay, KeyFilter, KeyUse};
