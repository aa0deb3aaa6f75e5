//! Writing down what administrators take out.

use domain::{
    Category,
    audit::{Audit, Command, Export},
};

use crate::{Caller, Commands, Done, Error};

impl Commands {
    /// Writes down that an administrator is handed entries of the audit log.
    pub async fn record_export(&self, caller: &Caller, export: Export) -> Result<Done<()>, Error> {
        caller.admin()?;
        let stream = Category::Audit.stream_of(caller.user);
        let command = Command::RecordExport(export);
        let executed = self.execute::<Audit>(stream, command, &caller.meta()).await?;
        Ok(Done::new((), executed.position))
    }
}
