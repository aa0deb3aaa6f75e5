//! What an administrator takes out of the service.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{Aggregate, Category, Rejection};

/// What one administrator has taken out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Audit {
    /// How many exports of the audit log there were.
    pub exports: u64,
}

/// What may be asked.
#[derive(Clone, Debug)]
pub enum Command {
    /// Write down that entries are handed out.
    RecordExport(Export),
}

/// An export of the audit log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Export {
    /// In which form.
    pub format: Format,
    /// After which position of the log.
    pub after: i64,
    /// Up to which position, that one included.
    pub upto: i64,
    /// Only what was done by this person or about them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<Uuid>,
    /// Only events of this name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub action: Option<String>,
    /// Only events of this kind of thing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub category: Option<String>,
    /// How many entries at most.
    pub limit: u32,
    /// When.
    pub at: DateTime<Utc>,
}

/// The form of an export.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// For spreadsheets.
    Csv,
    /// JSON, one line per entry.
    Jsonl,
}

/// What can have happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Event {
    /// Entries were handed out.
    #[serde(rename = "audit.exported")]
    Exported {
        /// Which.
        export: Export,
    },
}

/// Nothing is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {}

impl From<Error> for Rejection {
    fn from(error: Error) -> Self {
        match error {}
    }
}

impl Aggregate for Audit {
    const CATEGORY: Category = Category::Audit;
    type Command = Command;
    type Event = Event;
    type Error = Error;

    fn decide(&self, command: Command) -> Result<Vec<Event>, Error> {
        match command {
            Command::RecordExport(export) => Ok(vec![Event::Exported { export }]),
        }
    }

    fn evolve(&mut self, event: &Event) {
        match event {
            Event::Exported { .. } => self.exports += 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Audit, Command, Event, Export, Format};
    use crate::{
        Aggregate,
        testing::{at, given, id},
    };

    fn export() -> Export {
        Export {
            format: Format::Csv,
            after: 0,
            upto: 7,
            user: Some(id(1)),
            action: None,
            category: None,
            limit: 100,
            at: at(1),
        }
    }

    #[test]
    fn an_export_is_written_down() {
        let audit = given::<Audit>(&[]);

        let outcome = audit.decide(Command::RecordExport(export()));

        assert_eq!(outcome, Ok(vec![Event::Exported { export: export() }]));
    }

    #[test]
    fn exports_are_counted() {
        let exported = Event::Exported { export: export() };

        let audit = given::<Audit>(&[exported.clone(), exported]);

        assert_eq!(audit.exports, 2);
    }
}
