//! Conversations: asking for runs, and recording the steps of those who drive them.

use chrono::TimeDelta;
use domain::{
    Kind, Rejection, Text,
    chat::{
        Chat, Command, Conversation, Lease, Message, ModelOptions, Provider, Run, RunRequest, Step,
    },
};
use eventlog::{LiveMessage, Loaded, Meta};
use serde::{Deserialize, Serialize};
use tokio::sync::broadcast;
use uuid::Uuid;

use crate::{
    Caller, Commands, Done, Error,
    execute::{Attempt, Decision, Executed},
    idempotency::{command_id, new_id},
};

/// How long a driver may be silent before another process takes over.
const LEASE: TimeDelta = TimeDelta::seconds(30);

/// What a caller asks of a model.
#[derive(Clone, Debug)]
pub struct NewRun {
    /// The conversation to go on with; a new one where there is none.
    pub session: Option<Uuid>,
    /// Who talks to the model.
    pub provider: Provider,
    /// The model, in the provider's words.
    pub model: String,
    /// The new turns.
    pub messages: Vec<Message>,
    /// What the run asks of the model at every step.
    pub options: ModelOptions,
    /// The most model calls, 1 to 10.
    pub max_iterations: u8,
    /// Whether the caller wants the answer piece by piece.
    pub is_streamed: bool,
}

/// A run that was asked for.
pub struct StartedRun {
    /// Its conversation.
    pub session: Uuid,
    /// Its id.
    pub run: Uuid,
    /// What its driver says as it goes, from the beginning; the log has what matters.
    pub signals: broadcast::Receiver<LiveMessage>,
}

/// What a driver says as it goes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum RunSignal {
    /// More of an answer.
    Text {
        /// The piece.
        text: String,
    },
    /// A tool began or ended.
    Tool(ToolProgress),
    /// The run is over; the log tells how.
    Ended,
}

/// A tool began or ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ToolProgress {
    /// The model's name for the call.
    pub id: String,
    /// Which tool.
    pub name: String,
    /// `started`, `completed` or `failed`.
    pub status: String,
    /// The model call that asked for it, from 1.
    pub iteration: u8,
    /// How long it took, once it ended.
    pub duration_ms: Option<u64>,
}

/// A run to drive, with its conversation as far as it is known.
pub struct Drive {
    /// The conversation's id.
    pub session: Uuid,
    /// The run's id.
    pub run: Uuid,
    /// The circumstances under which steps are recorded.
    pub meta: Meta,
    chat: Chat,
    version: i64,
}

/// The topic on which the driver of a run speaks.
#[must_use]
pub fn drive_topic(run: Uuid) -> String {
    format!("run.{run}")
}

/// The topic on which the driver of a run is told to let go of it.
#[must_use]
pub fn stop_topic(run: Uuid) -> String {
    format!("stop.{run}")
}

impl Drive {
    /// The conversation; none once it was thrown away.
    #[must_use]
    pub fn conversation(&self) -> Option<&Conversation> {
        self.chat.conversation()
    }

    /// The run as far as it has come.
    #[must_use]
    pub fn state(&self) -> Option<&Run> {
        self.conversation()?.run(self.run)
    }

    /// The next step answers the last one.
    fn go_on(&mut self, executed: Executed<Chat>) {
        self.chat = executed.state;
        self.version = executed.version;
        // A step that changed nothing answers with the position it found, which may be none.
        if executed.position > 0 {
            self.meta.causation = Some(executed.position);
        }
    }
}

impl Commands {
    /// Asks a model, and hands the run to this process's agent where there is one.
    pub async fn request_run(
        &self,
        caller: &Caller,
        new: NewRun,
    ) -> Result<Done<StartedRun>, Error> {
        caller.scope("chat")?;
        self.is_configured(new.provider)?;
        if let Some(session) = new.session {
            // Ids of streams are given out here, never taken from a request.
            self.conversation(caller, session).await?;
        }
        let run = new_id();
        let session = new.session.unwrap_or_else(new_id);
        let request = self.request(run, &new);
        let lease = request.lease;
        let command = Command::RequestRun { owner: caller.user, request };
        let signals = self.0.log.live().subscribe(&drive_topic(run));
        let meta = caller.meta();
        let executed = match new.session {
            Some(_) => self.execute::<Chat>(session, command, &meta).await?,
            None => self.begin::<Chat>(session, command, vec![], &meta).await?,
        };
        let Executed { state: chat, version, position } = executed;
        // A run that another try of this request asked for has its driver, as its lease says.
        let written = chat.conversation().and_then(|conversation| conversation.run(run));
        let is_ours = written.is_some_and(|run| run.lease == lease);
        if let Some(agent) = &self.0.local_agent
            && is_ours
        {
            let meta = Meta { causation: Some(position), ..meta };
            // A full queue leaves the run to whoever takes it over when the lease ends.
            let _ = agent.try_send(Drive { session, run, meta, chat, version });
        }
        Ok(Done::new(StartedRun { session, run, signals }, position))
    }

    /// A conversation of the caller's with all its runs, as the log has it at present.
    pub async fn conversation(
        &self,
        caller: &Caller,
        id: Uuid,
    ) -> Result<Done<Conversation>, Error> {
        let Loaded { state, position, .. } = self.load::<Chat>(id).await?;
        match state {
            Chat::Open(conversation) if conversation.owner == caller.user => {
                Ok(Done::new(conversation, position))
            }
            Chat::Absent | Chat::Open(_) | Chat::Deleted { .. } => {
                Err(Error::missing("chat session"))
            }
        }
    }

    /// Begins a conversation without asking a model yet.
    pub async fn open_chat(
        &self,
        caller: &Caller,
        title: Option<Text>,
    ) -> Result<Done<Uuid>, Error> {
        caller.scope("chat")?;
        let id = new_id();
        let open = Command::Open { owner: caller.user, title, at: self.0.clock.now() };
        let executed = self.begin::<Chat>(id, open, vec![], &caller.meta()).await?;
        Ok(Done::new(id, executed.position))
    }

    /// Adds turns without asking a model.
    pub async fn add_messages(
        &self,
        caller: &Caller,
        id: Uuid,
        messages: Vec<Message>,
    ) -> Result<Done<()>, Error> {
        self.change_chat(caller, id, Command::AddMessages { owner: caller.user, messages }).await
    }

    /// Stops a run.
    pub async fn cancel_run(
        &self,
        caller: &Caller,
        session: Uuid,
        run: Uuid,
    ) -> Result<Done<()>, Error> {
        self.change_chat(caller, session, Command::Cancel { owner: caller.user, run }).await
    }

    /// Throws a conversation away.
    pub async fn delete_chat(&self, caller: &Caller, id: Uuid) -> Result<Done<()>, Error> {
        self.change_chat(caller, id, Command::Delete { owner: caller.user }).await
    }

    /// Records steps of a run that this process drives. Whoever is refused has to let go of it.
    pub async fn record(&self, drive: &mut Drive, steps: Vec<Step>) -> Result<(), Error> {
        let command = Command::Step { run: drive.run, node: self.0.node, steps };
        let known =
            Loaded { state: std::mem::take(&mut drive.chat), version: drive.version, position: 0 };
        let decision =
            Decision { id: command_id(drive.session), command: command.clone(), secrets: vec![] };
        let executed = match self.decide(drive.session, known, decision, &drive.meta).await {
            Ok(executed) => executed,
            // Somebody else wrote: perhaps a cancellation. Decide again on what is there.
            Err(Attempt::StreamMoved) => {
                self.execute::<Chat>(drive.session, command, &drive.meta).await?
            }
            Err(Attempt::Failed(error)) => return Err(error),
        };
        drive.go_on(executed);
        Ok(())
    }

    /// Takes over a run whose driver has gone; `None` while it is driven or once it is over.
    pub async fn take_over(
        &self,
        session: Uuid,
        run: Uuid,
        meta: Meta,
    ) -> Result<Option<Drive>, Error> {
        let at = self.0.clock.now();
        let command = Command::TakeOver { run, lease: self.lease(), at };
        match self.execute::<Chat>(session, command, &meta).await {
            Ok(Executed { state: chat, version, position }) => {
                let meta = Meta { causation: Some(position), ..meta };
                Ok(Some(Drive { session, run, meta, chat, version }))
            }
            Err(Error::Rejected(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Reads what the log holds of a run, where that is no longer known.
    pub async fn reload(&self, drive: &mut Drive) -> Result<(), Error> {
        let loaded = self.load::<Chat>(drive.session).await?;
        drive.chat = loaded.state;
        drive.version = loaded.version;
        Ok(())
    }

    /// Keeps a run that takes long: renews its lease once a third of it is over.
    pub async fn renew(&self, drive: &mut Drive) -> Result<(), Error> {
        let at = self.0.clock.now();
        if drive.state().is_none_or(|run| run.lease.until - at > LEASE * 2 / 3) {
            return Ok(());
        }
        let command = Command::TakeOver { run: drive.run, lease: self.lease(), at };
        let executed = self.execute::<Chat>(drive.session, command, &drive.meta).await?;
        drive.go_on(executed);
        Ok(())
    }

    async fn change_chat(
        &self,
        caller: &Caller,
        id: Uuid,
        command: Command,
    ) -> Result<Done<()>, Error> {
        caller.scope("chat")?;
        let executed = self.execute::<Chat>(id, command, &caller.meta()).await?;
        Ok(Done::new((), executed.position))
    }

    fn request(&self, run: Uuid, new: &NewRun) -> Box<RunRequest> {
        Box::new(RunRequest {
            run,
            provider: new.provider,
            model: new.model.clone(),
            messages: new.messages.clone().into(),
            options: new.options.clone().into(),
            max_iterations: new.max_iterations,
            is_streamed: new.is_streamed,
            lease: self.lease(),
            at: self.0.clock.now(),
        })
    }

    /// Where no agent lives in this process, the lease is over at once and any agent takes it.
    fn lease(&self) -> Lease {
        let now = self.0.clock.now();
        let until = if self.0.local_agent.is_some() { now + LEASE } else { now };
        Lease { node: self.0.node, until }
    }

    fn is_configured(&self, provider: Provider) -> Result<(), Rejection> {
        if self.0.policy.providers.contains(&provider) {
            return Ok(());
        }
        let detail = format!("provider {} is not configured on this server", provider.name());
        Err(Rejection::new(Kind::Invalid, "provider_not_configured", detail))
    }
}
