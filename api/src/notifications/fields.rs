//! The fields of a notice, as answers have them, and the words that requests may use.

use chrono::{DateTime, Utc};
use domain::notification::{Topic, Urgency};
use projections::NotificationView;
use serde::{Deserialize, Deserializer, Serialize, de::Error};
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

/// A notice.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Notification {
    id: Uuid,
    title: String,
    message: String,
    /// info, success, warning, error, update or promotion.
    r#type: String,
    /// system, billing, security, feature or marketing.
    category: String,
    read: bool,
    /// Where to go.
    action_url: Option<String>,
    /// What the way there is called.
    action_label: Option<String>,
    #[schema(value_type = Option<Object>)]
    metadata: Option<Value>,
    created_at: DateTime<Utc>,
    read_at: Option<DateTime<Utc>>,
    /// From when on nobody is shown it any more.
    expires_at: Option<DateTime<Utc>>,
    /// Until when it hides.
    snoozed_until: Option<DateTime<Utc>>,
    /// Whether it was put away.
    archived: bool,
}

impl From<NotificationView> for Notification {
    fn from(view: NotificationView) -> Self {
        Self {
            id: view.id,
            title: view.title,
            message: view.message,
            r#type: view.urgency,
            category: view.topic,
            read: view.read_at.is_some(),
            action_url: view.action_url,
            action_label: view.action_label,
            metadata: view.metadata,
            created_at: view.created_at,
            read_at: view.read_at,
            expires_at: view.expires_at,
            snoozed_until: view.snoozed_until,
            archived: view.is_archived,
        }
    }
}

/// A word of the API in any case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Word<T>(pub T);

/// A set of words of the API.
pub(super) trait Words: Sized + Copy + 'static {
    /// All of them, with their spelling.
    fn all() -> Vec<(&'static str, Self)>;
}

impl Words for Urgency {
    fn all() -> Vec<(&'static str, Self)> {
        Self::ALL.map(|it| (it.name(), it)).to_vec()
    }
}

impl Words for Topic {
    fn all() -> Vec<(&'static str, Self)> {
        Self::ALL.map(|it| (it.name(), it)).to_vec()
    }
}

impl<'de, T: Words> Deserialize<'de> for Word<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let given = String::deserialize(deserializer)?.to_lowercase();
        let all = T::all();
        let found = all.iter().find(|(name, _)| *name == given).map(|(_, word)| Self(*word));
        found.ok_or_else(|| {
            let names: Vec<_> = all.iter().map(|(name, _)| *name).collect();
            D::Error::custom(format!("one of {} is expected", names.join(", ")))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_may_be_written_in_any_case() {
        let word: Word<Urgency> = serde_json::from_str("\"WARNING\"").unwrap();

        assert_eq!(word.0, Urgency::Warning);
    }

    #[test]
    fn an_unknown_word_is_told_the_known_ones() {
        let refused = serde_json::from_str::<Word<Topic>>("\"sports\"").unwrap_err().to_string();

        assert!(refused.contains("system, billing, security, feature, marketing"), "{refused}");
    }
}
