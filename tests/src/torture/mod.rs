//! Writers that press the log hard and keep a journal of what they were told.

mod ask;
mod journal;
mod writer;

pub use ask::{Ask, What};
pub use journal::{Answer, Entry, Journal};
pub use writer::{Tally, Writer, shared_streams};
