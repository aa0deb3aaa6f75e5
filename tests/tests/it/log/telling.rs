//! Telling a log events of any category.

use domain::{
    Aggregate, Event, api_key::ApiKey, audit::Audit, chat::Chat, factors::Factors, inbox::Inbox,
    login::Login, notification::Notification, session::Session, settings::Settings, user::User,
};
use eventlog::{AppendError, Appended, EventLog, Expected, Meta, Recorded};
use uuid::Uuid;

use super::database::write;

/// Appends what happened to its stream.
pub async fn tell(
    log: &EventLog,
    recorded: Recorded,
    expected: Expected,
) -> Result<Appended, AppendError> {
    let telling = Telling { log, stream: recorded.stream, meta: recorded.meta, expected };
    match recorded.event {
        Event::User(event) => telling.of::<User>(event).await,
        Event::Session(event) => telling.of::<Session>(event).await,
        Event::ApiKey(event) => telling.of::<ApiKey>(event).await,
        Event::Settings(event) => telling.of::<Settings>(event).await,
        Event::Chat(event) => telling.of::<Chat>(event).await,
        Event::Login(event) => telling.of::<Login>(event).await,
        Event::Audit(event) => telling.of::<Audit>(event).await,
        Event::Notification(event) => telling.of::<Notification>(event).await,
        Event::Inbox(event) => telling.of::<Inbox>(event).await,
        Event::Factors(event) => telling.of::<Factors>(event).await,
    }
}

struct Telling<'a> {
    log: &'a EventLog,
    stream: Uuid,
    meta: Meta,
    expected: Expected,
}

impl Telling<'_> {
    async fn of<A: Aggregate>(self, event: A::Event) -> Result<Appended, AppendError> {
        let mut command = write::<A>(self.stream, 0, vec![event]);
        (command.expected, command.meta) = (self.expected, self.meta);
        command.to(self.log).await
    }
}
