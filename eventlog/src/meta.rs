//! Who did it, about whom, and as part of what.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::Position;

/// What stands beside every event.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Meta {
    /// Who asked; nobody for what the service does by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actor: Option<Uuid>,
    /// Whom the event tells of: their key seals its personal fields.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<Uuid>,
    /// The request that everything here follows from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub correlation: Option<Uuid>,
    /// The event that this one answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub causation: Option<Position>,
    /// The trace it belongs to (W3C Trace Context).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub traceparent: Option<String>,
}

impl Meta {
    /// The same circumstances, told of `subject`.
    #[must_use]
    pub fn about(&self, subject: Uuid) -> Self {
        Self { subject: Some(subject), ..self.clone() }
    }
}
