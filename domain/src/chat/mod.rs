//! A conversation with a model: its turns, and the runs that made them.

mod command;
mod decide;
mod error;
mod event;
mod message;
mod run;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

pub use command::{Command, Step};
pub use error::Error;
pub use event::Event;
pub use message::{FinishReason, Message, ModelOptions, Part, Role, Tool, ToolCall, Usage};
pub use run::{
    Failure, FailureKind, Lease, Next, Provider, Run, RunRequest, Status, ToolExecution,
    ToolOutcome,
};

use crate::{Aggregate, Category, Form, Personal};

/// A conversation.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
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
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Conversation {
    /// Whose it is.
    pub owner: Uuid,
    /// All turns so far.
    pub messages: Vec<Personal<Message>>,
    /// All runs so far, the newest last.
    pub runs: Vec<Run>,
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
    const SNAPSHOT: Option<Form<Self>> = Some(Form::like(include_str!("../../states/chat.json")));
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
