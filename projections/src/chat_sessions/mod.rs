//! Conversations, and what was said in them.

mod changes;
mod queries;

use std::collections::BTreeMap;

use domain::{Event, user};
use eventlog::Recorded;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::erasures::ERASED;

use changes::Change;
pub use queries::{ChatSessionView, ChatStatus, Cursor, History, MessageView};

/// Which events change conversations.
pub(crate) fn wants(name: &str) -> bool {
    name.starts_with("chat.") || name == ERASED
}

pub(crate) async fn apply(db: &mut PgConnection, batch: &[&Recorded]) -> anyhow::Result<()> {
    let mut changes = BTreeMap::<Uuid, Change>::new();
    let mut erased = BTreeMap::new();
    for recorded in batch {
        match &recorded.event {
            Event::Chat(event) => {
                changes.entry(recorded.stream).or_default().take_in(recorded, event)?;
            }
            Event::User(user::Event::Erased { .. }) => {
                changes.retain(|_, change| !change.is_of(recorded.stream));
                erased.insert(recorded.stream, recorded.position);
            }
            Event::User(_)
            | Event::Session(_)
            | Event::ApiKey(_)
            | Event::Settings(_)
            | Event::Login(_)
            | Event::Audit(_)
            | Event::Notification(_)
            | Event::Inbox(_)
            | Event::Factors(_) => {}
        }
    }
    changes.retain(|_, change| !change.is_empty());
    changes::erase(db, &erased, &mut changes).await?;
    changes::delete_messages(db, &changes).await?;
    changes::insert_sessions(db, &changes).await?;
    changes::update_sessions(db, &changes).await?;
    changes::insert_messages(db, &changes).await?;
    Ok(())
}
