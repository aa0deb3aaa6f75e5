//! What a batch of events changes about notices, written as a whole.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use domain::notification::{self, Content, Topic, Urgency};
use eventlog::{Position, Recorded};
use sqlx::PgConnection;
use uuid::Uuid;

/// What a batch changes, by notice.
#[derive(Default)]
pub(super) struct Changes {
    new: BTreeMap<Uuid, New>,
    known: BTreeMap<Uuid, Change>,
    deleted: BTreeSet<Uuid>,
}

/// A notice that was made in this batch, and what became of it in it.
struct New {
    user: Uuid,
    urgency: Urgency,
    topic: Topic,
    content: Content,
    metadata: Option<String>,
    created_at: DateTime<Utc>,
    expires_at: Option<DateTime<Utc>>,
    created: Position,
    change: Change,
}

/// What became of a notice; nothing where this batch does not say.
#[derive(Default)]
struct Change {
    read_at: Option<Until>,
    snoozed_until: Option<Until>,
    is_archived: Option<bool>,
    position: Position,
}

/// A moment, or none from now on.
#[derive(Clone, Copy)]
struct Until(Option<DateTime<Utc>>);

impl Changes {
    /// Takes an event in that comes after those before.
    pub(super) fn take_in(
        &mut self,
        recorded: &Recorded,
        event: &notification::Event,
    ) -> serde_json::Result<()> {
        let id = recorded.stream;
        match event {
            notification::Event::Created { user, urgency, topic, content, at, expires_at } => {
                // Nothing is shown of what nobody can read any more.
                let Some(content) = content.known().cloned() else { return Ok(()) };
                let metadata = content.metadata.as_ref().map(serde_json::to_string).transpose()?;
                self.new.insert(
                    id,
                    New {
                        user: *user,
                        urgency: *urgency,
                        topic: *topic,
                        content,
                        metadata,
                        created_at: *at,
                        expires_at: *expires_at,
                        created: recorded.position,
                        change: Change { position: recorded.position, ..Change::default() },
                    },
                );
            }
            notification::Event::Deleted { .. } => {
                self.known.remove(&id);
                if self.new.remove(&id).is_none() {
                    self.deleted.insert(id);
                }
            }
            notification::Event::Read { .. }
            | notification::Event::Unread { .. }
            | notification::Event::Snoozed { .. }
            | notification::Event::Archived { .. } => {
                let new = self.new.get_mut(&id).map(|new| &mut new.change);
                let change = new.unwrap_or_else(|| self.known.entry(id).or_default());
                change.take_in(recorded.position, event);
            }
        }
        Ok(())
    }

    /// Leaves out the notices of somebody who was erased.
    pub(super) fn forget(&mut self, user: Uuid) {
        self.new.retain(|_, new| new.user != user);
    }

    /// Writes all of it down.
    pub(super) async fn write(self, db: &mut PgConnection) -> sqlx::Result<()> {
        insert(db, self.new).await?;
        update(db, self.known).await?;
        delete(db, self.deleted).await
    }
}

impl Change {
    fn take_in(&mut self, position: Position, event: &notification::Event) {
        self.position = position;
        match event {
            notification::Event::Read { at, .. } => self.read_at = Some(Until(Some(*at))),
            notification::Event::Unread { .. } => self.read_at = Some(Until(None)),
            notification::Event::Snoozed { until, .. } => self.snoozed_until = Some(Until(*until)),
            notification::Event::Archived { is_archived, .. } => {
                self.is_archived = Some(*is_archived);
            }
            notification::Event::Created { .. } | notification::Event::Deleted { .. } => {}
        }
    }
}

async fn insert(db: &mut PgConnection, new: BTreeMap<Uuid, New>) -> sqlx::Result<()> {
    if new.is_empty() {
        return Ok(());
    }
    let ids: Vec<Uuid> = new.keys().copied().collect();
    let new: Vec<New> = new.into_values().collect();
    let text = |of: fn(&New) -> Option<String>| new.iter().map(of).collect::<Vec<_>>();
    let moment = |of: fn(&New) -> Option<DateTime<Utc>>| new.iter().map(of).collect::<Vec<_>>();
    sqlx::query!(
        "insert into notification_view (notification_id, user_id, urgency, topic, title, message,
            action_url, action_label, metadata, created_at, expires_at, read_at, snoozed_until,
            is_archived, created_position, changed_position)
        select * from unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::text[], $6::text[],
            $7::text[], $8::text[], $9::text[]::json[], $10::timestamptz[], $11::timestamptz[],
            $12::timestamptz[], $13::timestamptz[], $14::boolean[], $15::bigint[], $16::bigint[])",
        &ids,
        &new.iter().map(|new| new.user).collect::<Vec<_>>(),
        &text(|new| Some(new.urgency.name().to_owned())) as &[Option<String>],
        &text(|new| Some(new.topic.name().to_owned())) as &[Option<String>],
        &text(|new| Some(new.content.title.to_string())) as &[Option<String>],
        &text(|new| Some(new.content.message.to_string())) as &[Option<String>],
        &text(|new| new.content.action_url.as_ref().map(ToString::to_string))
            as &[Option<String>],
        &text(|new| new.content.action_label.as_ref().map(ToString::to_string))
            as &[Option<String>],
        &text(|new| new.metadata.clone()) as &[Option<String>],
        &new.iter().map(|new| new.created_at).collect::<Vec<_>>(),
        &moment(|new| new.expires_at) as &[Option<DateTime<Utc>>],
        &moment(|new| new.change.read_at.and_then(|it| it.0)) as &[Option<DateTime<Utc>>],
        &moment(|new| new.change.snoozed_until.and_then(|it| it.0)) as &[Option<DateTime<Utc>>],
        &new.iter().map(|new| new.change.is_archived.unwrap_or(false)).collect::<Vec<_>>(),
        &new.iter().map(|new| new.created).collect::<Vec<_>>(),
        &new.iter().map(|new| new.change.position).collect::<Vec<_>>(),
    )
    .execute(db)
    .await?;
    Ok(())
}

async fn update(db: &mut PgConnection, known: BTreeMap<Uuid, Change>) -> sqlx::Result<()> {
    if known.is_empty() {
        return Ok(());
    }
    let ids: Vec<Uuid> = known.keys().copied().collect();
    let known: Vec<Change> = known.into_values().collect();
    let moment =
        |of: fn(&Change) -> Option<DateTime<Utc>>| known.iter().map(of).collect::<Vec<_>>();
    sqlx::query!(
        "update notification_view n
        set read_at = case when c.says_read then c.read_at else n.read_at end,
            snoozed_until = case when c.says_snoozed then c.snoozed_until else n.snoozed_until end,
            is_archived = coalesce(c.is_archived, n.is_archived),
            changed_position = c.position
        from unnest($1::uuid[], $2::boolean[], $3::timestamptz[], $4::boolean[], $5::timestamptz[],
                $6::boolean[], $7::bigint[])
            c(id, says_read, read_at, says_snoozed, snoozed_until, is_archived, position)
        where n.notification_id = c.id",
        &ids,
        &known.iter().map(|change| change.read_at.is_some()).collect::<Vec<_>>(),
        &moment(|change| change.read_at.and_then(|it| it.0)) as &[Option<DateTime<Utc>>],
        &known.iter().map(|change| change.snoozed_until.is_some()).collect::<Vec<_>>(),
        &moment(|change| change.snoozed_until.and_then(|it| it.0)) as &[Option<DateTime<Utc>>],
        &known.iter().map(|change| change.is_archived).collect::<Vec<_>>() as &[Option<bool>],
        &known.iter().map(|change| change.position).collect::<Vec<_>>(),
    )
    .execute(db)
    .await?;
    Ok(())
}

async fn delete(db: &mut PgConnection, deleted: BTreeSet<Uuid>) -> sqlx::Result<()> {
    if deleted.is_empty() {
        return Ok(());
    }
    let deleted: Vec<Uuid> = deleted.into_iter().collect();
    sqlx::query!("delete from notification_view where notification_id = any($1)", &deleted)
        .execute(db)
        .await?;
    Ok(())
}
