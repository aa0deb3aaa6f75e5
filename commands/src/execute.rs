//! Load, decide, append: what every command comes down to.

use domain::{Aggregate, ClaimScope, Rejection, user};
use eventlog::{Append, AppendError, Expected, Loaded, Meta, Position, Secret};
use uuid::Uuid;

use crate::{Commands, Error};

/// How often a command is decided again because its stream moved.
const TRIES: u32 = 3;

/// A stream as a command has left it.
pub(crate) struct Executed<A> {
    pub state: A,
    pub version: i64,
    pub position: Position,
}

impl Commands {
    /// Decides on what the stream holds and appends what follows.
    pub(crate) async fn execute<A: Aggregate>(
        &self,
        stream: Uuid,
        command: A::Command,
        meta: &Meta,
    ) -> Result<Executed<A>, Error>
    where
        A::Command: Clone,
    {
        let mut tries = 1;
        loop {
            let loaded = self.load::<A>(stream).await?;
            match self.decide(stream, loaded, command.clone(), vec![], meta).await {
                Err(Attempt::StreamMoved) if tries < TRIES => tries += 1,
                outcome => return Ok(outcome?),
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
        let new = Loaded { state: A::default(), version: 0, position: 0 };
        Ok(self.decide(stream, new, command, secrets, meta).await?)
    }

    /// Decides on a state that is known, and appends what follows from it.
    pub(crate) async fn decide<A: Aggregate>(
        &self,
        stream: Uuid,
        loaded: Loaded<A>,
        command: A::Command,
        secrets: Vec<Secret>,
        meta: &Meta,
    ) -> Result<Executed<A>, Attempt> {
        let Loaded { mut state, version, position } = loaded;
        let events = state.decide(command).map_err(|error| Attempt::Failed(error.into().into()))?;
        if events.is_empty() {
            return Ok(Executed { state, version, position });
        }
        let command = Uuid::now_v7();
        let append = Append::<A> {
            stream,
            expected: Expected::Version(version),
            events: &events,
            secrets,
            meta,
            command,
            fingerprint: command.as_bytes().to_vec(),
        };
        let appended = self.0.log.append(append).await?;
        for event in &events {
            state.evolve(event);
        }
        Ok(Executed { state, version: appended.version, position: appended.last })
    }

    pub(crate) async fn load<A: Aggregate>(&self, stream: Uuid) -> Result<Loaded<A>, Error> {
        self.0.log.load::<A>(stream).await.map_err(Error::Unavailable)
    }
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
            AppendError::Claimed(_) | AppendError::CommandReused | AppendError::Unavailable(_) => {
                Self::Failed(error.into())
            }
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
