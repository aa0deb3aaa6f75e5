//! The log, or a part of it, as a file that proves itself: events as they are stored, signed heads,
//! and what else of the tree it takes to compute their roots. Checking it needs no database.
//!
//! A bundle is lines of JSON, each an object with one key that says what it is:
//!
//! | key | what |
//! |---|---|
//! | `header` | first: format, key, head, first and last position, and the digests of the complete subtrees before and after them |
//! | `event` | an event, in the order of positions |
//! | `head` | a note of a signed head, after the last of its events |
//! | `end` | last: how many events and heads there were |
//!
//! A proof of one event is one JSON object, [`EventProof`], and so is a person's history.

mod event;
mod export;
mod history;
mod offline;
mod proof;
mod report;

pub use event::BundledEvent;
pub use export::Exported;
pub use history::HISTORY_FORM;
pub use offline::check_offline;
pub use proof::EventProof;
pub use report::{Expectations, OfflineReport};

use serde::{Deserialize, Serialize};

use crate::{Digest, Position};

/// What a bundle says of its format.
const FORMAT: &str = "annals.bundle.v1";

/// A line of a bundle.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Line {
    Header(Header),
    Event(Box<BundledEvent>),
    Head(String),
    End(End),
}

/// What a bundle is about.
#[derive(Serialize, Deserialize)]
struct Header {
    format: String,
    /// The key that its heads are signed with.
    key: String,
    /// The head that everything is proven against.
    head: String,
    /// The first position in it.
    from: Position,
    /// The last position in it.
    to: Position,
    /// The digests of the complete subtrees before the first event.
    before: Vec<Digest>,
    /// The digests of the complete subtrees after the last event.
    after: Vec<Digest>,
}

/// How much there was.
#[derive(Serialize, Deserialize)]
struct End {
    events: i64,
    heads: i64,
}
