//! What an inbox holds, and how much of it.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use eventlog::Position;
use serde::Serialize;
use serde_json::Value;
use uuid::Uuid;

use crate::Queries;

/// A notice as its person sees it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct NotificationView {
    /// Its id.
    pub id: Uuid,
    /// In a line.
    pub title: String,
    /// In full.
    pub message: String,
    /// How urgent it is.
    pub urgency: String,
    /// What it is about.
    pub topic: String,
    /// Where to go.
    pub action_url: Option<String>,
    /// What the way there is called.
    pub action_label: Option<String>,
    /// What its sender's programs want to know.
    pub metadata: Option<Value>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// From when on nobody is shown it any more.
    pub expires_at: Option<DateTime<Utc>>,
    /// When its person read it.
    pub read_at: Option<DateTime<Utc>>,
    /// Until when it hides.
    pub snoozed_until: Option<DateTime<Utc>>,
    /// Whether it was put away.
    pub is_archived: bool,
    /// Where the log says that it was made.
    pub created_position: Position,
    /// Where the log says what came of it last.
    pub changed_position: Position,
}

/// Where a notice lies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Place {
    /// In sight.
    #[default]
    Inbox,
    /// Hidden for a while.
    Snoozed,
    /// Put away.
    Archive,
}

/// Which notices to list.
#[derive(Clone, Debug, Default)]
pub struct NotificationFilter {
    /// Where they lie.
    pub place: Place,
    /// Only those that were not read.
    pub is_unread: bool,
    /// Only those of this urgency.
    pub urgency: Option<&'static str>,
    /// Only those about this.
    pub topic: Option<&'static str>,
    /// How many to leave out.
    pub offset: u32,
    /// How many to list.
    pub limit: u32,
}

/// How many notices are in sight.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct InboxCounts {
    /// All of them.
    pub total: i64,
    /// Those that were not read.
    pub unread: i64,
}

/// How many notices are in sight, and of which kinds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counted {
    /// In all.
    pub counts: InboxCounts,
    /// By urgency.
    pub by_urgency: BTreeMap<String, i64>,
    /// By what they are about.
    pub by_topic: BTreeMap<String, i64>,
}

impl Queries {
    /// A person's notices, the newest first, and how many such notices there are.
    pub async fn notifications(
        &self,
        user: Uuid,
        filter: &NotificationFilter,
    ) -> anyhow::Result<(Vec<NotificationView>, i64)> {
        let place = filter.place.name();
        let total = sqlx::query_scalar!(
            r#"select count(*) as "count!" from notification_view
            where user_id = $1 and (expires_at is null or expires_at > clock_timestamp())
                and case when is_archived then 'archive'
                    when snoozed_until > clock_timestamp() then 'snoozed' else 'inbox' end = $2
                and (not $3 or read_at is null)
                and ($4::text is null or urgency = $4) and ($5::text is null or topic = $5)"#,
            user,
            place,
            filter.is_unread,
            filter.urgency,
            filter.topic,
        )
        .fetch_one(self.pool())
        .await?;
        let items = sqlx::query_as!(
            NotificationView,
            "select notification_id as id, title, message, urgency, topic, action_url, action_label,
                metadata, created_at, expires_at, read_at, snoozed_until, is_archived,
                created_position, changed_position
            from notification_view
            where user_id = $1 and (expires_at is null or expires_at > clock_timestamp())
                and case when is_archived then 'archive'
                    when snoozed_until > clock_timestamp() then 'snoozed' else 'inbox' end = $2
                and (not $3 or read_at is null)
                and ($4::text is null or urgency = $4) and ($5::text is null or topic = $5)
            order by created_position desc offset $6 limit $7",
            user,
            place,
            filter.is_unread,
            filter.urgency,
            filter.topic,
            i64::from(filter.offset),
            i64::from(filter.limit),
        )
        .fetch_all(self.pool())
        .await?;
        Ok((items, total))
    }

    /// A notice, unless it is somebody else's or over.
    pub async fn notification(
        &self,
        user: Uuid,
        id: Uuid,
    ) -> anyhow::Result<Option<NotificationView>> {
        let notice = sqlx::query_as!(
            NotificationView,
            "select notification_id as id, title, message, urgency, topic, action_url, action_label,
                metadata, created_at, expires_at, read_at, snoozed_until, is_archived,
                created_position, changed_position
            from notification_view
            where notification_id = $1 and user_id = $2
                and (expires_at is null or expires_at > clock_timestamp())",
            id,
            user,
        )
        .fetch_optional(self.pool())
        .await?;
        Ok(notice)
    }

    /// A person's notices that changed after a position, in the order of their changes.
    pub async fn notifications_changed(
        &self,
        user: Uuid,
        after: Position,
        limit: u32,
    ) -> anyhow::Result<Vec<NotificationView>> {
        let changed = sqlx::query_as!(
            NotificationView,
            "select notification_id as id, title, message, urgency, topic, action_url, action_label,
                metadata, created_at, expires_at, read_at, snoozed_until, is_archived,
                created_position, changed_position
            from notification_view
            where user_id = $1 and changed_position > $2
                and (expires_at is null or expires_at > clock_timestamp())
            order by changed_position, notification_id limit $3",
            user,
            after,
            i64::from(limit),
        )
        .fetch_all(self.pool())
        .await?;
        Ok(changed)
    }

    /// How many notices a person has not read, of those in sight.
    pub async fn unread_notifications(&self, user: Uuid) -> anyhow::Result<i64> {
        let count = sqlx::query_scalar!(
            r#"select count(*) as "count!" from notification_view
            where user_id = $1 and read_at is null and not is_archived
                and (snoozed_until is null or snoozed_until <= clock_timestamp())
                and (expires_at is null or expires_at > clock_timestamp())"#,
            user,
        );
        Ok(count.fetch_one(self.pool()).await?)
    }

    /// How many notices a person has in sight.
    pub async fn inbox_counts(&self, user: Uuid) -> anyhow::Result<Counted> {
        let rows = sqlx::query!(
            r#"select urgency, topic, count(*) as "total!",
                count(*) filter (where read_at is null) as "unread!"
            from notification_view
            where user_id = $1 and not is_archived
                and (snoozed_until is null or snoozed_until <= clock_timestamp())
                and (expires_at is null or expires_at > clock_timestamp())
            group by urgency, topic"#,
            user,
        )
        .fetch_all(self.pool())
        .await?;
        let mut counted = Counted::default();
        for row in rows {
            counted.counts.total += row.total;
            counted.counts.unread += row.unread;
            *counted.by_urgency.entry(row.urgency).or_default() += row.total;
            *counted.by_topic.entry(row.topic).or_default() += row.total;
        }
        Ok(counted)
    }

    /// How many notices of a person were read, or were not, wherever they lie.
    pub async fn count_notifications(&self, user: Uuid, is_read: bool) -> anyhow::Result<i64> {
        let count = sqlx::query_scalar!(
            r#"select count(*) as "count!" from notification_view
            where user_id = $1 and (read_at is not null) = $2"#,
            user,
            is_read,
        );
        Ok(count.fetch_one(self.pool()).await?)
    }

    /// Where the log says what came last of any of a person's notices; 0 without any.
    pub async fn last_notification_change(&self, user: Uuid) -> anyhow::Result<Position> {
        let last = sqlx::query_scalar!(
            "select max(changed_position) from notification_view where user_id = $1",
            user,
        );
        Ok(last.fetch_one(self.pool()).await?.unwrap_or(0))
    }
}

impl Place {
    /// The word that queries have for it.
    const fn name(self) -> &'static str {
        match self {
            Self::Inbox => "inbox",
            Self::Snoozed => "snoozed",
            Self::Archive => "archive",
        }
    }
}
