//! Telling people something, and what they do with what they were told.

use chrono::{DateTime, Utc};
use domain::{
    Aggregate, Category, ClaimScope, Kind, Rejection,
    inbox::{self, Inbox},
    notification::{Command, Content, Creation, Notification, Step, Topic, Urgency},
};
use eventlog::LiveMessage;
use futures_util::future::join_all;
use uuid::Uuid;

use crate::{Caller, Commands, Done, Error, execute::Executed, idempotency::new_id};

/// The right that a key needs for its owner's inbox.
const SCOPE: &str = "notifications";

/// What a sender wants a person to know.
#[derive(Clone, Debug)]
pub struct NewNotification {
    /// For whom.
    pub user: Uuid,
    /// How urgent it is.
    pub urgency: Urgency,
    /// What it is about.
    pub topic: Topic,
    /// What it says.
    pub content: Content,
    /// From when on nobody is shown it any more.
    pub expires_at: Option<DateTime<Utc>>,
}

/// The topic on which a person's streams are told that something changed.
#[must_use]
pub fn inbox_topic(user: Uuid) -> String {
    format!("inbox.{user}")
}

impl Commands {
    /// Tells a person something, as an administrator or with an administrator's key.
    pub async fn notify(&self, caller: &Caller, new: NewNotification) -> Result<Done<Uuid>, Error> {
        caller.admin()?;
        let user = new.user;
        let held = [(ClaimScope::ActiveUser, &user.as_bytes()[..])];
        if !self.0.log.are_held(&held).await.map_err(Error::Unavailable)? {
            let detail = "there is no such user, or the account is deactivated";
            return Err(Rejection::new(Kind::Missing, "not_found", detail).into());
        }
        let create = Command::Create(Creation {
            user,
            urgency: new.urgency,
            topic: new.topic,
            content: new.content,
            at: self.0.clock.now(),
            expires_at: new.expires_at,
        });
        let (id, meta) = (new_id(), caller.meta().about(user));
        let executed = self.begin::<Notification>(id, create, vec![], &meta).await?;
        let (urgency, topic) = (new.urgency.name(), new.topic.name());
        metrics::counter!("annals_notifications_total", "type" => urgency, "category" => topic)
            .increment(1);
        self.tell(user, &executed).await;
        Ok(Done::new(id, executed.position))
    }

    /// Does something with a notice of the caller's.
    pub async fn handle_notification(
        &self,
        caller: &Caller,
        id: Uuid,
        step: Step,
    ) -> Result<Done<()>, Error> {
        caller.scope(SCOPE)?;
        let handle = Command::Handle { user: caller.user, step, at: self.0.clock.now() };
        let executed = self.execute::<Notification>(id, handle, &caller.meta()).await?;
        self.tell(caller.user, &executed).await;
        Ok(Done::new((), executed.position))
    }

    /// Does the same with several, each for itself; answers in the order of the ids.
    pub async fn handle_notifications(
        &self,
        caller: &Caller,
        ids: &[Uuid],
        step: Step,
    ) -> Vec<Result<Done<()>, Error>> {
        join_all(ids.iter().map(|id| self.handle_notification(caller, *id, step))).await
    }

    /// Marks everything in the caller's inbox as read.
    pub async fn read_all_notifications(&self, caller: &Caller) -> Result<Done<()>, Error> {
        let at = self.0.clock.now();
        self.handle_inbox(caller, inbox::Command::ReadAll { user: caller.user, at }).await
    }

    /// Throws away everything that the caller has read.
    pub async fn delete_read_notifications(&self, caller: &Caller) -> Result<Done<()>, Error> {
        let at = self.0.clock.now();
        self.handle_inbox(caller, inbox::Command::DeleteRead { user: caller.user, at }).await
    }

    async fn handle_inbox(
        &self,
        caller: &Caller,
        command: inbox::Command,
    ) -> Result<Done<()>, Error> {
        caller.scope(SCOPE)?;
        let stream = Category::Inbox.stream_of(caller.user);
        let executed = self.execute::<Inbox>(stream, command, &caller.meta()).await?;
        self.tell(caller.user, &executed).await;
        Ok(Done::new((), executed.position))
    }

    /// Wakes the person's streams.
    async fn tell<A: Aggregate>(&self, user: Uuid, executed: &Executed<A>) {
        let position = executed.position.to_be_bytes();
        self.0
            .log
            .live()
            .publish(&inbox_topic(user), LiveMessage::copy_from_slice(&position))
            .await;
    }
}
