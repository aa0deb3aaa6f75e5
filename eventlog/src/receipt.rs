//! What the log remembers of a command: a retry of it finds what it did the first time.

use uuid::Uuid;

use crate::{Appended, EventLog};

impl EventLog {
    /// Where the events of a command stand, if it was written before.
    pub async fn receipt(&self, command: Uuid) -> anyhow::Result<Option<Appended>> {
        Ok(sqlx::query_as!(
            Appended,
            r#"select first_position as first, last_position as last, version, true as "is_repeated!"
            from log.receipt where command_id = $1"#,
            command,
        )
        .fetch_optional(&self.pool)
        .await?)
    }
}
