//! What was true at an earlier moment: any stream, and any read model.
//!
//! Nothing is written twice for it: streams are folded by the domain's own rules, and read models
//! are made by the projections' own code.

mod difference;
mod model;
mod sources;
mod stream;

use anyhow::ensure;
use eventlog::Position;

use crate::Queries;

pub use difference::{Change, Difference, RowChange};
pub use model::{ModelAsOf, ModelDiff, TableAsOf};
pub use sources::Scope;
pub use stream::{PastEvent, StreamAsOf, StreamDiff};

/// The longest part of the log that is replayed for one question.
pub const MAX_REPLAY: Position = 100_000;

/// Why a question about the past is not answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unanswered {
    /// Nobody and nothing has this id.
    #[error("the log knows nothing of this id")]
    Unknown,
    /// More events than are replayed for one question.
    #[error(
        "more than {MAX_REPLAY} events would have to be replayed; ask about one user or one id"
    )]
    TooMuch,
    /// The index of a person's events does not reach so far yet.
    #[error("the read models have not come so far yet")]
    Behind,
}

impl Queries {
    /// Checks that a position is one that the log holds, or the beginning.
    pub async fn is_past(&self, position: Position) -> anyhow::Result<bool> {
        Ok((0..=self.log().head().await?).contains(&position))
    }
}

/// Refuses what would take too long.
fn bounded(events: usize) -> anyhow::Result<()> {
    ensure!(i64::try_from(events)? <= MAX_REPLAY, Unanswered::TooMuch);
    Ok(())
}
