//! Whose personal data can still be read.

use crate::EventLog;

/// How many people the log tells of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct People {
    /// Their keys exist.
    pub readable: i64,
    /// Their keys were destroyed.
    pub erased: i64,
}

impl EventLog {
    /// Counts the keys of people's data.
    pub async fn people(&self) -> anyhow::Result<People> {
        let people = sqlx::query_as!(
            People,
            r#"select count(*) filter (where wrapped_key is not null) as "readable!",
                count(*) filter (where wrapped_key is null) as "erased!"
            from vault.subject_key"#,
        )
        .fetch_one(&self.pool)
        .await?;
        Ok(people)
    }
}
