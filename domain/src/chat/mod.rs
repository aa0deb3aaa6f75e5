//! A conversation with a model: its turns, and the runs that made them.

mod decide;
mod error;
mod message;
mod run;
#[cfg(test)]
mod tests;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

pub use error::Error;
pub use message::{
    FinishReason, Message, ModelOptions, Part, Role, Tool, ToolCall, Usage,
};
pub use run::{
    Failure, FailureKind, Lease, Provider, Run, RunRequest, Status, ToolExecution, ToolOutcome,
};

use crate::{Aggregate, Category, Personal, Text};

/// A conversation.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Chat {
    /// There is no such conversation.
    #[default]
    Absent,
    /// It can go on.
    Open(Conversation),
    /// Its owner threw it away.
    Deleted {
        /// Whose it was.
        owner: Uuid,
    },
}

/// What is true of a conversation that can go on.
#[derive(Clone, Debug, PartialEq)]
pub struct Conversation {
    /// Whose it is.
    pub owner: Uuid,
    /// All turns so far.
    pub messages: Vec<Personal<Message>>,
    /// All runs so far, the newest last.
    pub runs: Vec<Run>,
}

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
    /// Another process drives the run.
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

impl Chat {
    /// The conversation, unless it is absent or was thrown away.
    #[must_use]
    pub fn conversation(&self) -> Option<&Conversation> {
        match self {
            Self::Open(conversation) => Some(conversation),
            Self::Absent | Self::Deleted { .. } => None,
        }
    }
}

impl Conversation {
    /// A run of this conversation.
    #[must_use]
    pub fn run(&self, id: Uuid) -> Option<&Run> {
        self.runs.iter().rev().find(|run| run.id == id)
    }

    fn change_run(&mut self, id: Uuid, change: impl FnOnce(&mut Run)) {
        if let Some(run) = self.runs.iter_mut().rev().find(|run| run.id == id) {
            change(run);
        }
    }
}

impl Aggregate for Chat {
    const CATEGORY: Category = Category::Chat;
    type Command = Command;
    type Event = Event;
    type Error = Error;

    fn decide(&self, command: Command) -> Result<Vec<Event>, Error> {
        decide::decide(self, command)
    }

    fn evolve(&mut self, event: &Event) {
        match event {
            Event::Opened { owner, .. } => {
                *self = Self::Open(Conversation { owner: *owner, messages: vec![], runs: vec![] });
            }
            Event::Deleted {} => {
                if let Self::Open(conversation) = self {
                    *self = Self::Deleted { owner: conversation.owner };
                }
            }
            Event::MessageAdded { .. }
            | Event::RunRequested { .. }
            | Event::ModelCalled { .. }
            | Event::ModelAnswered { .. }
            | Event::ToolStarted { .. }
            | Event::ToolFinished { .. }
            | Event::RunTakenOver { .. }
            | Event::RunCompleted { .. }
            | Event::RunFailed { .. }
            | Event::RunCancelled { .. } => {
                if let Self::Open(conversation) = self {
                    conversation.evolve(event);
                }
            }
        }
    }
}

impl Conversation {
    fn evolve(&mut self, event: &Event) {
        match event {
            Event::MessageAdded { message } => self.messages.push(message.clone()),
            Event::RunRequested { request } => {
                let turns = request.messages.known().into_iter().flatten();
                self.messages.extend(turns.cloned().map(Personal::from));
                self.runs.push(Run::new(request));
            }
            Event::ModelAnswered { run, iteration, message, usage, .. } => {
                self.messages.push(message.clone());
                self.change_run(*run, |run| {
                    run.iterations = *iteration;
                    run.usage += *usage;
                    run.answer = Some(message.clone());
                });
            }
            Event::ToolStarted { run, id, name, call } => self.change_run(*run, |run| {
                run.tools.push(ToolExecution {
                    call: call.clone(),
                    id: id.clone(),
                    name: name.clone(),
                    iteration: run.iterations,
                    outcome: None,
                });
            }),
            Event::ToolFinished { run, id, result, outcome } => {
                self.messages.push(match result.known() {
                    Some(result) => Message::tool_result(id, result).into(),
                    None => Personal::Erased,
                });
                self.change_run(*run, |run| {
                    let begun = run.tools.iter_mut().rev().find(|tool| tool.id == *id);
                    if let Some(tool) = begun {
                        tool.outcome = Some(*outcome);
                    }
                });
            }
            Event::RunTakenOver { run, lease } => self.change_run(*run, |run| run.lease = *lease),
            Event::RunCompleted { run, reason, .. } => {
                self.change_run(*run, |run| run.status = Status::Completed(*reason));
            }
            Event::RunFailed { run, failure, .. } => {
                self.change_run(*run, |run| run.status = Status::Failed(failure.clone()));
            }
            Event::RunCancelled { run } => {
                self.change_run(*run, |run| run.status = Status::Cancelled);
            }
            Event::Opened { .. } | Event::ModelCalled { .. } | Event::Deleted {} => {}
        }
    }
}
