//! What can have happened to a conversation.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Failure, FinishReason, Lease, Message, RunRequest, ToolCall, ToolOutcome, Usage};
use crate::{Personal, Text};

/// What can have happened to a conversation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Event {
    /// It began.
    #[serde(rename = "chat.opened")]
    Opened {
        /// Whose it is.
        owner: Uuid,
        /// What it is called.
        title: Option<Personal<Text>>,
        /// When.
        at: DateTime<Utc>,
    },
    /// A turn was added without asking a model.
    #[serde(rename = "chat.message_added")]
    MessageAdded {
        /// The turn.
        message: Personal<Message>,
    },
    /// A model was to be asked.
    #[serde(rename = "chat.run_requested")]
    RunRequested {
        /// What was asked.
        request: Box<RunRequest>,
    },
    /// A model was about to be asked.
    #[serde(rename = "chat.model_called")]
    ModelCalled {
        /// In which run.
        run: Uuid,
        /// The how manieth time, from 1.
        iteration: u8,
    },
    /// The model answered.
    #[serde(rename = "chat.model_answered")]
    ModelAnswered {
        /// In which run.
        run: Uuid,
        /// The how manieth time, from 1.
        iteration: u8,
        /// What it said.
        message: Personal<Message>,
        /// What it counted.
        usage: Usage,
        /// How long it took.
        duration_ms: u64,
    },
    /// A tool was about to run.
    #[serde(rename = "chat.tool_started")]
    ToolStarted {
        /// In which run.
        run: Uuid,
        /// The model's name for the call.
        id: String,
        /// Which tool.
        name: String,
        /// What the model asked for.
        call: Personal<ToolCall>,
    },
    /// The tool ended.
    #[serde(rename = "chat.tool_finished")]
    ToolFinished {
        /// In which run.
        run: Uuid,
        /// The model's name for the call.
        id: String,
        /// What the model is told.
        result: Personal<String>,
        /// How it ended.
        outcome: ToolOutcome,
    },
    /// A process drives the run until a later moment: the same one on, or another after a crash.
    #[serde(rename = "chat.run_taken_over")]
    RunTakenOver {
        /// Which run.
        run: Uuid,
        /// Who drives it.
        lease: Lease,
    },
    /// The run ended as it should.
    #[serde(rename = "chat.run_completed")]
    RunCompleted {
        /// Which run.
        run: Uuid,
        /// Why the model stopped.
        reason: FinishReason,
        /// Model calls.
        iterations: u8,
        /// Tokens of all model calls.
        usage: Usage,
    },
    /// The run could not go on.
    #[serde(rename = "chat.run_failed")]
    RunFailed {
        /// Which run.
        run: Uuid,
        /// Why.
        failure: Failure,
        /// Tokens of all model calls.
        usage: Usage,
    },
    /// Somebody stopped the run.
    #[serde(rename = "chat.run_cancelled")]
    RunCancelled {
        /// Which run.
        run: Uuid,
    },
    /// The owner threw the conversation away.
    #[serde(rename = "chat.deleted")]
    Deleted {},
}
