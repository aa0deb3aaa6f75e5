//! Load, decide, append: what every command comes down to.

use domain::{Aggregate, ClaimScope, Rejection, user};
use eventlog::{Append, AppendError, Appended, Expected, Loaded, Meta, Position, Secret};
use uuid::Uuid;

use crate::{Commands, Error, idempotency};

/// How often a command is decided again because its stream moved.
pub(crate) const TRIES: u32 = 3;

/// A stream as a command has left it.
pub(crate) struct Executed<A> {
    pub state: A,
    pub version: i64,
    pub position: Position,
}

impl Commands {
    /// Decides on what the stream holds and appends what follows. What is remembered of the stream is
    /// tried first: it holds if the log takes what was decided on it.
    pub(crate) async fn execute<A>(
        &self,
        stream: Uuid,
        command: A::Command,
        meta: &Meta,
    ) -> Result<Executed<A>, Error>
    where
        A: Aggregate + Clone,
        A::Command: Clone,
    {
        self.execute_with(stream, command, vec![], meta).await
    }

    /// The same, with what is written beside the events.
    pub(crate) async fn execute_with<A>(
        &self,
        stream: Uuid,
        command: A::Command,
        secrets: Vec<Secret>,
        meta: &Meta,
    ) -> Result<Executed<A>, Error>
    where
        A: Aggregate + Clone,
        A::Command: Clone,
    {
        let id = idempotency::command_id(stream);
        if let Some(done) = self.done_before(stream, id).await? {
            return Ok(done);
        }
        let decision = || Decision { id, command: command.clone(), secrets: secrets.clone() };
        if let Some(guess) = self.0.known.get::<A>(stream) {
            let version = guess.version;
            match self.decide(stream, guess, decision(), meta).await {
                Ok(executed) if executed.version > version => {
                    self.0.known.keep(stream, &executed);
                    return Ok(executed);
                }
                Ok(_) | Err(Attempt::StreamMoved | Attempt::Failed(Error::Rejected(_))) => {}
                Err(Attempt::Failed(error)) => return Err(error),
            }
        }
        let mut tries = 1;
        loop {
            let loaded = self.load::<A>(stream).await?;
            match self.decide(stream, loaded, decision(), meta).await {
                Err(Attempt::StreamMoved) if tries < TRIES => tries += 1,
                outcome => {
                    let executed = outcome?;
                    self.0.known.keep(stream, &executed);
                    return Ok(executed);
                }
            }
        }
    }

    /// Decides on a stream that is new, and saves the look.
    pub(crate) async fn begin<A: Aggregate>(
        &self,
        stream: Uuid,
        command: A::Command,
        secrets: Vec<Secret>,
        meta: &Meta,
    ) -> Result<Executed<A>, Error> {
        let id = idempotency::command_id(stream);
        if let Some(done) = self.done_before(stream, id).await? {
            return Ok(done);
        }
        let new = Loaded { state: A::default(), version: 0, position: 0 };
        Ok(self.decide(stream, new, Decision { id, command, secrets }, meta).await?)
    }

    /// Decides on a state that is known, and appends what follows from it. What another try of the same
    /// request has written counts, whatever is decided here.
    pub(crate) async fn decide<A: Aggregate>(
        &self,
        stream: Uuid,
        loaded: Loaded<A>,
        decision: Decision<A>,
        meta: &Meta,
    ) -> Result<Executed<A>, Attempt> {
        let Loaded { mut state, version, position } = loaded;
        let Decision { id, command, secrets } = decision;
        let decided = state.decide(command);
        if decided.as_ref().map_or(true, Vec::is_empty)
            && idempotency::may_come_again()
            && let Some(done) = self.receipted(stream, id).await.map_err(Attempt::Failed)?
        {
            return Ok(done);
        }
        let events = decided.map_err(|error| Attempt::Failed(error.into().into()))?;
        if events.is_empty() {
            return Ok(Executed { state, version, position });
        }
        let append = Append::<A> {
            stream,
            expected: Expected::Version(version),
            events: &events,
            secrets,
            meta,
            command: id,
            fingerprint: id.as_bytes().to_vec(),
        };
        let appended = self.0.log.append(append).await?;
        idempotency::note_written(meta.subject);
        if appended.is_repeated {
            return self.as_written(stream, appended).await.map_err(Attempt::Failed);
        }
        for event in &events {
            state.evolve(event);
        }
        let Appended { version, last: position, .. } = appended;
        Ok(Executed { state, version, position })
    }

    /// What a command left behind when an earlier try of the same request came further than is known.
    pub(crate) async fn done_before<A: Aggregate>(
        &self,
        stream: Uuid,
        id: Uuid,
    ) -> Result<Option<Executed<A>>, Error> {
        if idempotency::is_resumed() { self.receipted(stream, id).await } else { Ok(None) }
    }

    /// What a command left behind when another try of the same request obeyed it.
    async fn receipted<A: Aggregate>(
        &self,
        stream: Uuid,
        id: Uuid,
    ) -> Result<Option<Executed<A>>, Error> {
        let receipt = self.0.log.receipt(id).await.map_err(Error::Unavailable)?;
        let Some(appended) = receipt else { return Ok(None) };
        self.as_written(stream, appended).await.map(Some)
    }

    /// A stream as it was when a command had been written.
    async fn as_written<A: Aggregate>(
        &self,
        stream: Uuid,
        appended: Appended,
    ) -> Result<Executed<A>, Error> {
        let Appended { version, last: position, .. } = appended;
        let loaded = self.0.log.load_until::<A>(stream, version).await;
        let state = loaded.map_err(Error::Unavailable)?.state;
        Ok(Executed { state, version, position })
    }

    pub(crate) async fn load<A: Aggregate>(&self, stream: Uuid) -> Result<Loaded<A>, Error> {
        self.0.log.load::<A>(stream).await.map_err(Error::Unavailable)
    }
}

/// What is to be decided, and under which id the outcome is written.
pub(crate) struct Decision<A: Aggregate> {
    pub id: Uuid,
    pub command: A::Command,
    pub secrets: Vec<Secret>,
}

/// How a try to append went wrong.
pub(crate) enum Attempt {
    /// Somebody else was faster: decide again.
    StreamMoved,
    /// It would not go better a second time.
    Failed(Error),
}

impl From<AppendError> for Attempt {
    fn from(error: AppendError) -> Self {
        match error {
            AppendError::StreamMoved => Self::StreamMoved,
            AppendError::Claimed(ClaimScope::Email) => {
                Self::Failed(Rejection::from(user::Error::EmailTaken).into())
            }
            AppendError::Claimed(_)
            | AppendError::CommandReused
            | AppendError::Gone(_)
            | AppendError::Unavailable(_) => Self::Failed(error.into()),
        }
    }
}

impl From<Attempt> for Error {
    fn from(attempt: Attempt) -> Self {
        match attempt {
            Attempt::StreamMoved => AppendError::StreamMoved.into(),
            Attempt::Failed(error) => error,
        }
    }
}
