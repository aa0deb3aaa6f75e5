//! What may be asked of a conversation.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Failure, FinishReason, Lease, Message, RunRequest, ToolCall, ToolOutcome, Usage};
use crate::{Personal, Text};

/// What may be asked of a conversation.
#[derive(Clone, Debug)]
pub enum Command {
    /// Begin it.
    Open {
        /// Whose it is.
        owner: Uuid,
        /// What it is called.
        title: Option<Text>,
        /// Now.
        at: DateTime<Utc>,
    },
    /// Add turns without asking a model.
    AddMessages {
        /// Who asks.
        owner: Uuid,
        /// The turns.
        messages: Vec<Message>,
    },
    /// Ask a model, in a conversation that is begun where there is none yet.
    RequestRun {
        /// Who asks.
        owner: Uuid,
        /// What is asked.
        request: Box<RunRequest>,
    },
    /// Record a step of the run that goes on.
    Step {
        /// Which run.
        run: Uuid,
        /// Who drives it.
        node: Uuid,
        /// What happened.
        steps: Vec<Step>,
    },
    /// Drive on a run whose driver has gone.
    TakeOver {
        /// Which run.
        run: Uuid,
        /// Who will drive it.
        lease: Lease,
        /// Now.
        at: DateTime<Utc>,
    },
    /// Stop a run.
    Cancel {
        /// Who asks.
        owner: Uuid,
        /// Which run.
        run: Uuid,
    },
    /// Throw the conversation away.
    Delete {
        /// Who asks.
        owner: Uuid,
    },
    /// Throw it away whatever goes on in it: the owner leaves.
    Erase {
        /// Who leaves.
        owner: Uuid,
    },
}

/// One thing that happens in a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Step {
    /// A model is about to be asked.
    ModelCalled {
        /// The how manieth time, from 1.
        iteration: u8,
    },
    /// It answered.
    ModelAnswered {
        /// The how manieth time, from 1.
        iteration: u8,
        /// What it said.
        message: Personal<Message>,
        /// What it counted.
        usage: Usage,
        /// How long it took.
        duration_ms: u64,
    },
    /// A tool is about to run.
    ToolStarted {
        /// The model's name for the call.
        id: String,
        /// Which tool.
        name: String,
        /// What the model asked for.
        call: Personal<ToolCall>,
    },
    /// It ended.
    ToolFinished {
        /// The model's name for the call.
        id: String,
        /// What the model is told.
        result: Personal<String>,
        /// How it ended.
        outcome: ToolOutcome,
    },
    /// The run ended as it should.
    Completed {
        /// Why the model stopped.
        reason: FinishReason,
    },
    /// The run could not go on.
    Failed {
        /// Why.
        failure: Failure,
    },
}
