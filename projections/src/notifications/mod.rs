//! Inboxes: notices to people, and what each person did with them.

mod changes;
mod queries;

use domain::{Event, inbox, user};
use eventlog::Recorded;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::erasures::ERASED;

use changes::Changes;
pub use queries::{Counted, InboxCounts, NotificationFilter, NotificationView, Place};

/// Which events change inboxes.
pub(crate) fn wants(name: &str) -> bool {
    name.starts_with("notification.") || name.starts_with("inbox.") || name == ERASED
}

/// The person on whose inbox alone an event bears.
pub(crate) fn owner(event: &Event) -> Option<Uuid> {
    match event {
        Event::Notification(event) => Some(event.user()),
        Event::Inbox(event) => Some(event.user()),
        Event::User(_)
        | Event::Session(_)
        | Event::ApiKey(_)
        | Event::Settings(_)
        | Event::Chat(_)
        | Event::Login(_)
        | Event::Audit(_)
        | Event::Factors(_) => None,
    }
}

/// What is done to a whole inbox comes after what was done to its notices before.
pub(crate) async fn apply(db: &mut PgConnection, batch: &[&Recorded]) -> anyhow::Result<()> {
    let mut changes = Changes::default();
    for recorded in batch {
        match &recorded.event {
            Event::Notification(event) => changes.take_in(recorded, event)?,
            Event::Inbox(event) => {
                std::mem::take(&mut changes).write(db).await?;
                whole(db, recorded, event).await?;
            }
            Event::User(user::Event::Erased { .. }) => {
                changes.forget(recorded.stream);
                erase(db, recorded.stream).await?;
            }
            Event::User(_)
            | Event::Session(_)
            | Event::ApiKey(_)
            | Event::Settings(_)
            | Event::Chat(_)
            | Event::Login(_)
            | Event::Audit(_)
            | Event::Factors(_) => {}
        }
    }
    Ok(changes.write(db).await?)
}

async fn whole(
    db: &mut PgConnection,
    recorded: &Recorded,
    event: &inbox::Event,
) -> sqlx::Result<()> {
    match event {
        inbox::Event::AllRead { user, at } => {
            sqlx::query!(
                "update notification_view set read_at = $2, changed_position = $3
                where user_id = $1 and read_at is null",
                user,
                at,
                recorded.position,
            )
            .execute(db)
            .await?;
        }
        inbox::Event::ReadDeleted { user, .. } => {
            sqlx::query!(
                "delete from notification_view where user_id = $1 and read_at is not null",
                user,
            )
            .execute(db)
            .await?;
        }
    }
    Ok(())
}

async fn erase(db: &mut PgConnection, user: Uuid) -> sqlx::Result<()> {
    sqlx::query!("delete from notification_view where user_id = $1", user).execute(db).await?;
    Ok(())
}
