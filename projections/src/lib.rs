//! The read side: projections that turn the log into tables, and [`Queries`] that read them.
//!
//! A projection's rows and its checkpoint move in one transaction, so its tables always show the
//! log exactly as it was at the checkpoint. Whoever writes takes the row in `read.projection`
//! first and the tables after it: that order keeps runners and rebuilds out of deadlocks.

mod admin;
mod api_keys;
mod as_of;
mod audit;
mod backoff;
mod batch;
mod candidates;
mod cases;
mod chat_sessions;
mod checkpoint;
mod connection;
mod erasures;
mod freshness;
mod group;
mod notifications;
mod pace;
mod parking;
mod projection;
mod queries;
mod rebuild;
mod refusal;
mod runner;
mod sessions;
mod settings;
mod sign_ins;
mod status;
mod stored;
mod straggler;
mod usage;
mod users;

pub use admin::{AdminDay, AdminNumbers, Counts};
pub use api_keys::{ApiKeyView, KeyDay, KeyFilter, KeyUse};
pub use as_of::{
    Change, Difference, MAX_REPLAY, ModelAsOf, ModelDiff, PastEvent, RowChange, Scope, StreamAsOf,
    StreamDiff, TableAsOf, Unanswered,
};
pub use audit::{
    ActionCount, AuditEntry, AuditFilter, AuditNumbers, AuditPage, MAX_COUNT, UserCount,
};
pub use cases::CaseView;
pub use chat_sessions::{ChatSessionView, ChatStatus, Cursor, History, MessageView};
pub use checkpoint::{Checkpoint, Refused};
pub use erasures::{Belonging, Belongings, ErasureView, Holding};
pub use notifications::{Counted, InboxCounts, NotificationFilter, NotificationView, Place};
pub use parking::{ParkedStream, parked, retry, skip};
pub use projection::Projection;
pub use queries::{Page, Queries};
pub use rebuild::{
    Options, Progress, Rebuild, RebuildReport, RebuildStatus, RebuiltTable, compare, drop_old,
    promote, rebuild, rollback,
};
pub use refusal::Refusal;
pub use runner::{catch_up, run};
pub use sessions::SessionView;
pub use settings::SettingsView;
pub use sign_ins::{SignInFilter, SignInPage, SignInView};
pub use status::{ProjectionStatus, VersionStatus};
pub use usage::{DayUsage, ModelUsage, UsageNumbers, UsageView};
pub use users::UserView;
