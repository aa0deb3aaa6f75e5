//! "This was not me", as far as factors go.

use domain::{
    Category,
    factors::{Command, Factors, Undo},
};
use eventlog::{Meta, Position};
use uuid::Uuid;

use crate::{Commands, Error};

impl Commands {
    /// Puts a person's factors back as they were before a position, because of an undoing at another;
    /// may be asked again.
    pub(crate) async fn undo_factors(
        &self,
        user: Uuid,
        of: Position,
        by: Position,
        meta: &Meta,
    ) -> Result<(), Error> {
        let (log, stream) = (&self.0.log, Category::Factors.stream_of(user));
        let events = log.stream(stream).await.map_err(Error::Unavailable)?;
        let last = events.iter().take_while(|event| event.position < of).last();
        let before = match last {
            Some(last) => {
                let before = log.load_until::<Factors>(stream, last.version).await;
                Box::new(before.map_err(Error::Unavailable)?.state)
            }
            None => Box::default(),
        };
        let undo = Undo { user, by, before, at: self.0.clock.now() };
        self.execute::<Factors>(stream, Command::Undo(undo), meta).await.map(drop)
    }
}
