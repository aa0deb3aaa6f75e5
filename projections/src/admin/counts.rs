//! What is counted, and which event counts as what.

use domain::{Event, chat, login, session, user};
use serde::Serialize;

use crate::stored;

/// How often things happened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Accounts opened.
    pub registrations: i64,
    /// Mailboxes proven.
    pub verified: i64,
    /// Devices signed in.
    pub logins: i64,
    /// Wrong passwords for accounts there are.
    pub failed_logins: i64,
    /// Runs asked for.
    pub runs: i64,
    /// Runs that ended as they should.
    pub completed_runs: i64,
    /// Runs that could not go on.
    pub failed_runs: i64,
    /// Times a model was asked.
    pub model_calls: i64,
    /// Tools that Annals ran.
    pub tool_calls: i64,
    /// Tokens models read.
    pub input_tokens: i64,
    /// Tokens models wrote.
    pub output_tokens: i64,
    /// Events of any kind.
    pub events: i64,
}

impl Counts {
    pub(crate) fn count(&mut self, event: &Event) {
        self.events += 1;
        match event {
            Event::User(user::Event::Registered { .. }) => self.registrations += 1,
            Event::User(user::Event::EmailVerified { .. }) => self.verified += 1,
            Event::Session(session::Event::Started { .. }) => self.logins += 1,
            Event::Login(login::Event::Failed { .. } | login::Event::Refused { .. }) => {
                self.failed_logins += 1;
            }
            Event::Chat(event) => self.count_chat(event),
            // Of accounts, nothing else is counted.
            Event::User(_)
            | Event::Session(session::Event::Refreshed { .. } | session::Event::Ended { .. })
            | Event::ApiKey(_)
            | Event::Settings(_)
            | Event::Audit(_)
            | Event::Notification(_)
            | Event::Inbox(_)
            | Event::Factors(_) => {}
        }
    }

    fn count_chat(&mut self, event: &chat::Event) {
        match event {
            chat::Event::RunRequested { .. } => self.runs += 1,
            chat::Event::RunCompleted { .. } => self.completed_runs += 1,
            chat::Event::RunFailed { .. } => self.failed_runs += 1,
            chat::Event::ModelCalled { .. } => self.model_calls += 1,
            chat::Event::ToolStarted { .. } => self.tool_calls += 1,
            chat::Event::ModelAnswered { usage, .. } => {
                self.input_tokens += stored::count(usage.input);
                self.output_tokens += stored::count(usage.output);
            }
            chat::Event::Opened { .. }
            | chat::Event::MessageAdded { .. }
            | chat::Event::ToolFinished { .. }
            | chat::Event::RunTakenOver { .. }
            | chat::Event::RunCancelled { .. }
            | chat::Event::Deleted {} => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use domain::{Event, chat, user};
    use uuid::Uuid;

    use super::Counts;

    #[test]
    fn every_event_counts_as_an_event() {
        let mut counts = Counts::default();

        counts.count(&Event::User(user::Event::Deactivated {}));

        assert_eq!(counts, Counts { events: 1, ..Counts::default() });
    }

    #[test]
    fn a_model_answer_counts_its_tokens() {
        let mut counts = Counts::default();

        counts.count(&Event::Chat(chat::Event::ModelAnswered {
            run: Uuid::nil(),
            iteration: 1,
            message: domain::Personal::Erased,
            usage: chat::Usage { input: 120, output: 16, ..chat::Usage::default() },
            duration_ms: 900,
        }));

        let expected =
            Counts { input_tokens: 120, output_tokens: 16, events: 1, ..Counts::default() };
        assert_eq!(counts, expected);
    }
}
