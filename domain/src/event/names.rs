//! The stored names of all events: a new one is added here.

use super::Event;
use crate::{api_key, audit, chat, factors, inbox, login, notification, session, settings, user};

/// The stored names of all events, and a match that does not compile while one is missing.
macro_rules! events {
    ($($event:pat => $name:literal,)*) => {
        /// The stored names of all events that this program knows.
        pub const NAMES: &[&str] = &[$($name),*];

        impl Event {
            /// Its stored name.
            #[must_use]
            pub const fn name(&self) -> &'static str {
                match self {
                    $($event => $name,)*
                }
            }
        }
    };
}

events! {
    Event::User(user::Event::Registered { .. }) => "user.registered",
    Event::User(user::Event::RegistrationTried { .. }) => "user.registration_tried",
    Event::User(user::Event::VerificationRequested { .. }) => "user.verification_requested",
    Event::User(user::Event::EmailVerified { .. }) => "user.email_verified",
    Event::User(user::Event::PasswordChanged { .. }) => "user.password_changed",
    Event::User(user::Event::PasswordResetRequested { .. }) => "user.password_reset_requested",
    Event::User(user::Event::PasswordReset { .. }) => "user.password_reset",
    Event::User(user::Event::CredentialsDropped { .. }) => "user.credentials_dropped",
    Event::User(user::Event::MagicLinkRequested { .. }) => "user.magic_link_requested",
    Event::User(user::Event::MagicLinkUsed { .. }) => "user.magic_link_used",
    Event::User(user::Event::EmailChangeRequested { .. }) => "user.email_change_requested",
    Event::User(user::Event::EmailChanged { .. }) => "user.email_changed",
    Event::User(user::Event::EmailReleased { .. }) => "user.email_released",
    Event::User(user::Event::ProfileChanged { .. }) => "user.profile_changed",
    Event::User(user::Event::Undone { .. }) => "user.undone",
    Event::User(user::Event::CaseResolved { .. }) => "user.case_resolved",
    Event::User(user::Event::RoleChanged { .. }) => "user.role_changed",
    Event::User(user::Event::Deactivated {}) => "user.deactivated",
    Event::User(user::Event::Activated {}) => "user.activated",
    Event::User(user::Event::ErasureRequested { .. }) => "user.erasure_requested",
    Event::User(user::Event::Erased { .. }) => "user.erased",
    Event::User(user::Event::ErasureCertified { .. }) => "user.erasure_certified",
    Event::Session(session::Event::Started { .. }) => "session.started",
    Event::Session(session::Event::Refreshed { .. }) => "session.refreshed",
    Event::Session(session::Event::Ended { .. }) => "session.ended",
    Event::ApiKey(api_key::Event::Created { .. }) => "api_key.created",
    Event::ApiKey(api_key::Event::Changed { .. }) => "api_key.changed",
    Event::ApiKey(api_key::Event::Deactivated { .. }) => "api_key.deactivated",
    Event::ApiKey(api_key::Event::Activated { .. }) => "api_key.activated",
    Event::ApiKey(api_key::Event::Rotated { .. }) => "api_key.rotated",
    Event::ApiKey(api_key::Event::RateLimitChanged { .. }) => "api_key.rate_limit_changed",
    Event::ApiKey(api_key::Event::Revoked { .. }) => "api_key.revoked",
    Event::Settings(settings::Event::CommunicationChanged { .. })
        => "settings.communication_changed",
    Event::Settings(settings::Event::NotificationsChanged { .. })
        => "settings.notifications_changed",
    Event::Settings(settings::Event::Erased { .. }) => "settings.erased",
    Event::Chat(chat::Event::Opened { .. }) => "chat.opened",
    Event::Chat(chat::Event::MessageAdded { .. }) => "chat.message_added",
    Event::Chat(chat::Event::RunRequested { .. }) => "chat.run_requested",
    Event::Chat(chat::Event::ModelCalled { .. }) => "chat.model_called",
    Event::Chat(chat::Event::ModelAnswered { .. }) => "chat.model_answered",
    Event::Chat(chat::Event::ToolStarted { .. }) => "chat.tool_started",
    Event::Chat(chat::Event::ToolFinished { .. }) => "chat.tool_finished",
    Event::Chat(chat::Event::RunTakenOver { .. }) => "chat.run_taken_over",
    Event::Chat(chat::Event::RunCompleted { .. }) => "chat.run_completed",
    Event::Chat(chat::Event::RunFailed { .. }) => "chat.run_failed",
    Event::Chat(chat::Event::RunCancelled { .. }) => "chat.run_cancelled",
    Event::Chat(chat::Event::Deleted {}) => "chat.deleted",
    Event::Login(login::Event::Failed { .. }) => "login.failed",
    Event::Login(login::Event::Refused { .. }) => "login.refused",
    Event::Audit(audit::Event::Exported { .. }) => "audit.exported",
    Event::Notification(notification::Event::Created { .. }) => "notification.created",
    Event::Notification(notification::Event::Read { .. }) => "notification.read",
    Event::Notification(notification::Event::Unread { .. }) => "notification.unread",
    Event::Notification(notification::Event::Snoozed { .. }) => "notification.snoozed",
    Event::Notification(notification::Event::Archived { .. }) => "notification.archived",
    Event::Notification(notification::Event::Deleted { .. }) => "notification.deleted",
    Event::Inbox(inbox::Event::AllRead { .. }) => "inbox.all_read",
    Event::Inbox(inbox::Event::ReadDeleted { .. }) => "inbox.read_deleted",
    Event::Factors(factors::Event::Prepared { .. }) => "factors.prepared",
    Event::Factors(factors::Event::Added { .. }) => "factors.added",
    Event::Factors(factors::Event::CodeSent { .. }) => "factors.code_sent",
    Event::Factors(factors::Event::CodeAccepted { .. }) => "factors.code_accepted",
    Event::Factors(factors::Event::CodeRefused { .. }) => "factors.code_refused",
    Event::Factors(factors::Event::BackupCodesMade { .. }) => "factors.backup_codes_made",
    Event::Factors(factors::Event::BackupCodeUsed { .. }) => "factors.backup_code_used",
    Event::Factors(factors::Event::ChallengeOpened { .. }) => "factors.challenge_opened",
    Event::Factors(factors::Event::ChallengeAnswered { .. }) => "factors.challenge_answered",
    Event::Factors(factors::Event::DeviceRemembered { .. }) => "factors.device_remembered",
    Event::Factors(factors::Event::DevicesForgotten { .. }) => "factors.devices_forgotten",
    Event::Factors(factors::Event::Undone { .. }) => "factors.undone",
    Event::Factors(factors::Event::PasskeyAdded { .. }) => "factors.passkey_added",
    Event::Factors(factors::Event::PasskeyUsed { .. }) => "factors.passkey_used",
    Event::Factors(factors::Event::PasskeyRefused { .. }) => "factors.passkey_refused",
    Event::Factors(factors::Event::PasskeyRemoved { .. }) => "factors.passkey_removed",
    Event::Factors(factors::Event::Cleared { .. }) => "factors.cleared",
}
