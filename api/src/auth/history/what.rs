//! Events in words that their person understands.

/// What happened, in a sentence.
pub(super) fn happened(action: &str) -> &'static str {
    match action {
        "session.started" => "A device signed in",
        "session.refreshed" => "A device stayed signed in",
        "session.ended" => "A device was signed out",
        "api_key.created" => "An API key was made",
        "api_key.revoked" => "An API key was revoked",
        "api_key.changed" => "An API key was changed",
        "api_key.deactivated" => "An API key was deactivated",
        "api_key.activated" => "An API key was activated again",
        "api_key.rotated" => "An API key got another secret",
        "api_key.rate_limit_changed" => "It was changed how often an API key may be used",
        "settings.communication_changed" => "The communication preferences were changed",
        "settings.notifications_changed" => "The notification preferences were changed",
        "settings.erased" => "The preferences were erased",
        "login.refused" => "Somebody tried to sign in and was refused",
        "login.failed" => "Somebody tried to sign in with a wrong password",
        "chat.opened" => "A conversation was begun",
        "chat.message_added" => "A message was added to a conversation",
        "chat.run_requested" => "A model was asked something",
        "chat.model_called" => "The service called a model",
        "chat.model_answered" => "A model answered",
        "chat.tool_started" => "A tool was started",
        "chat.tool_finished" => "A tool has finished",
        "chat.run_taken_over" => "Another process took a run over",
        "chat.run_completed" => "A run was completed",
        "chat.run_failed" => "A run failed",
        "chat.run_cancelled" => "A run was cancelled",
        "chat.deleted" => "A conversation was deleted",
        "notification.created" => "The service told the account something",
        "notification.read" => "A notification was read",
        "notification.unread" => "A notification was marked as unread",
        "notification.snoozed" => "A notification was put off",
        "notification.archived" => "A notification was put away or taken out again",
        "notification.deleted" => "A notification was deleted",
        "inbox.all_read" => "All notifications were marked as read",
        "inbox.read_deleted" => "All notifications that were read were deleted",
        "audit.exported" => "Entries of the audit log were exported",
        _ => happened_to_factors(action),
    }
}

fn happened_to_factors(action: &str) -> &'static str {
    match action {
        "factors.prepared" => "A second factor was set up",
        "factors.added" => "A second factor was turned on",
        "factors.code_sent" => "A code was sent",
        "factors.code_accepted" => "A code was accepted",
        "factors.code_refused" => "Somebody gave a wrong code",
        "factors.backup_codes_made" => "Backup codes were made",
        "factors.backup_code_used" => "A backup code was used",
        "factors.challenge_opened" => "A sign-in was asked for a second factor",
        "factors.challenge_answered" => "A sign-in showed a second factor",
        "factors.device_remembered" => "A device was remembered",
        "factors.devices_forgotten" => "Devices were forgotten",
        "factors.undone" => "Second factors were put back as they were before",
        "factors.passkey_added" => "A passkey was registered",
        "factors.passkey_used" => "A passkey was used",
        "factors.passkey_refused" => "Somebody failed to show a passkey",
        "factors.passkey_removed" => "A passkey was removed",
        "factors.cleared" => "Two-factor authentication was turned off",
        _ => happened_to_account(action),
    }
}

fn happened_to_account(action: &str) -> &'static str {
    match action {
        "user.registered" => "The account was opened",
        "user.registration_tried" => "Somebody tried to open an account with your address",
        "user.verification_requested" => "A link to verify the e-mail address was sent",
        "user.email_verified" => "The e-mail address was verified",
        "user.password_changed" => "The password was changed",
        "user.password_reset_requested" => "A link to choose another password was sent",
        "user.password_reset" => "The password was chosen anew by a mailed link",
        "user.credentials_dropped" => "Everything to sign in with was dropped",
        "user.magic_link_requested" => "A link to sign in was sent",
        "user.magic_link_used" => "A link to sign in was followed",
        "user.email_change_requested" => "A link to prove another e-mail address was sent",
        "user.email_changed" => "The account moved to another e-mail address",
        "user.email_released" => "An e-mail address of before was given up",
        "user.profile_changed" => "The profile was changed",
        "user.undone" => "What was done to the account was undone",
        "user.case_resolved" => "An administrator looked at what was undone",
        "user.role_changed" => "The account got another role",
        "user.deactivated" => "The account was deactivated",
        "user.activated" => "The account was activated again",
        "user.erasure_requested" => "The account was closed, to be erased",
        "user.erased" => "All personal data was erased",
        "user.erasure_certified" => "The erasure was certified",
        _ => OTHER,
    }
}

/// What an older program says of the events of a newer one.
const OTHER: &str = "Something happened that this version has no words for";

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    use super::*;

    #[test]
    fn there_are_words_for_every_event() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../domain/events");
        for file in fs::read_dir(folder).unwrap() {
            let name = file.unwrap().file_name().into_string().unwrap();
            let Some((action, _)) = name.rsplit_once(".v") else { continue };

            assert_ne!(happened(action), OTHER, "{action}");
        }
    }
}
