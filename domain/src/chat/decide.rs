//! What is allowed in a conversation.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::{
    Chat, Command, Conversation, Error, Event, Lease, Message, Run, RunRequest, Status, Step,
};
use crate::{Personal, Text};

pub(super) fn decide(chat: &Chat, command: Command) -> Result<Vec<Event>, Error> {
    match (chat, command) {
        (Chat::Absent, Command::Open { owner, title, at }) => Ok(vec![opened(owner, title, at)]),
        (Chat::Absent, Command::RequestRun { owner, request }) => {
            check(&request)?;
            Ok(vec![opened(owner, None, request.at), Event::RunRequested { request }])
        }
        (Chat::Open(conversation), Command::AddMessages { owner, messages }) => {
            conversation.add(owner, messages)
        }
        (Chat::Open(conversation), Command::RequestRun { owner, request }) => {
            conversation.request(owner, request)
        }
        (Chat::Open(conversation), Command::Step { run, node, steps }) => {
            let run = conversation.running(run).ok_or(Error::NotDriving)?;
            if run.lease.node != node {
                return Err(Error::NotDriving);
            }
            Ok(record(run, steps))
        }
        (Chat::Open(conversation), Command::TakeOver { run, lease, at }) => {
            conversation.take_over(run, lease, at)
        }
        (Chat::Open(conversation), Command::Cancel { owner, run }) => {
            conversation.cancel(owner, run)
        }
        (Chat::Open(conversation), Command::Delete { owner }) => conversation.delete(owner),
        (Chat::Open(conversation), Command::Erase { owner }) => conversation.erase(owner),
        (Chat::Deleted { owner: its }, Command::Delete { owner } | Command::Erase { owner })
            if *its == owner =>
        {
            Ok(vec![])
        }
        (Chat::Open(_) | Chat::Deleted { .. }, Command::Open { .. }) => Err(Error::AlreadyOpen),
        (Chat::Absent | Chat::Deleted { .. }, Command::Step { .. } | Command::TakeOver { .. }) => {
            Err(Error::NotDriving)
        }
        (
            Chat::Absent | Chat::Deleted { .. },
            Command::AddMessages { .. }
            | Command::RequestRun { .. }
            | Command::Cancel { .. }
            | Command::Delete { .. }
            | Command::Erase { .. },
        ) => Err(Error::NotFound),
    }
}

fn opened(owner: Uuid, title: Option<Text>, at: DateTime<Utc>) -> Event {
    Event::Opened { owner, title: title.map(Personal::from), at }
}

fn check(request: &RunRequest) -> Result<(), Error> {
    if !(1..=10).contains(&request.max_iterations) {
        return Err(Error::Iterations);
    }
    if request.messages.known().is_none_or(Vec::is_empty) {
        return Err(Error::NoMessages);
    }
    Ok(())
}

impl Conversation {
    fn running(&self, id: Uuid) -> Option<&Run> {
        self.run(id).filter(|run| run.status == Status::Running)
    }

    fn is_of(&self, owner: Uuid) -> Result<(), Error> {
        if self.owner == owner { Ok(()) } else { Err(Error::NotFound) }
    }

    fn is_idle(&self) -> Result<(), Error> {
        let is_busy = self.runs.last().is_some_and(|run| run.status == Status::Running);
        if is_busy { Err(Error::Busy) } else { Ok(()) }
    }

    fn add(&self, owner: Uuid, messages: Vec<Message>) -> Result<Vec<Event>, Error> {
        self.is_of(owner)?;
        self.is_idle()?;
        if messages.is_empty() {
            return Err(Error::NoMessages);
        }
        let added = |message| Event::MessageAdded { message: Personal::Known(message) };
        Ok(messages.into_iter().map(added).collect())
    }

    fn request(&self, owner: Uuid, request: Box<RunRequest>) -> Result<Vec<Event>, Error> {
        self.is_of(owner)?;
        self.is_idle()?;
        check(&request)?;
        Ok(vec![Event::RunRequested { request }])
    }

    fn take_over(&self, run: Uuid, lease: Lease, at: DateTime<Utc>) -> Result<Vec<Event>, Error> {
        let driven = self.running(run).ok_or(Error::NotDriving)?;
        if driven.lease.node != lease.node && at < driven.lease.until {
            return Err(Error::NotDriving);
        }
        Ok(vec![Event::RunTakenOver { run, lease }])
    }

    fn cancel(&self, owner: Uuid, run: Uuid) -> Result<Vec<Event>, Error> {
        self.is_of(owner)?;
        let known = self.run(run).ok_or(Error::RunNotFound)?;
        match known.status {
            Status::Running => Ok(vec![Event::RunCancelled { run }]),
            Status::Completed(_) | Status::Failed(_) | Status::Cancelled => Ok(vec![]),
        }
    }

    fn delete(&self, owner: Uuid) -> Result<Vec<Event>, Error> {
        self.is_of(owner)?;
        self.is_idle()?;
        Ok(vec![Event::Deleted {}])
    }

    fn erase(&self, owner: Uuid) -> Result<Vec<Event>, Error> {
        self.is_of(owner)?;
        let running = self.runs.iter().filter(|run| run.status == Status::Running);
        let cancelled = running.map(|run| Event::RunCancelled { run: run.id });
        Ok(cancelled.chain([Event::Deleted {}]).collect())
    }
}

fn record(run: &Run, steps: Vec<Step>) -> Vec<Event> {
    let mut usage = run.usage;
    let mut iterations = run.iterations;
    let record = |step| match step {
        Step::ModelCalled { iteration } => Event::ModelCalled { run: run.id, iteration },
        Step::ModelAnswered { iteration, message, usage: counted, duration_ms } => {
            usage += counted;
            iterations = iteration;
            Event::ModelAnswered { run: run.id, iteration, message, usage: counted, duration_ms }
        }
        Step::ToolStarted { id, name, call } => Event::ToolStarted { run: run.id, id, name, call },
        Step::ToolFinished { id, result, outcome } => {
            Event::ToolFinished { run: run.id, id, result, outcome }
        }
        Step::Completed { reason } => {
            Event::RunCompleted { run: run.id, reason, iterations, usage }
        }
        Step::Failed { failure } => Event::RunFailed { run: run.id, failure, usage },
    };
    steps.into_iter().map(record).collect()
}
